import { type EntityManager, MikroORM } from '@mikro-orm/postgresql';
import type { Logger } from '../../common/logging.ts';
import type { DatabaseConnection, RoleConnections } from './database-connection.ts';
import { entities } from './entities.ts';
import { mikroOrmConnection } from './mikro-orm-connection.ts';
import { checkRole } from './role-check.ts';

export interface StoreOptions {
  readonly roles: RoleConnections;
  readonly logger: Logger;
  /** Connections of the app role's pool; default 10. */
  readonly appPoolSizeMax?: number;
  /** Connections of the system role's pool; default 6. */
  readonly systemPoolSizeMax?: number;
  /** To reach the server, and to wait for a free connection; default 5,000. */
  readonly connectTimeoutMs?: number;
  /** Default 15,000. */
  readonly statementTimeoutMs?: number;
  /** Default 5,000. */
  readonly lockTimeoutMs?: number;
  /** Default 20,000: a stuck transaction must not hold the revision lock. */
  readonly idleInTransactionTimeoutMs?: number;
}

export interface SystemTransactionOptions {
  /** All statements see one state of the database. */
  readonly isolation?: 'repeatable read';
}

/** A statement that is prepared under its name; parameters are `$1` and so on. */
export interface ReadStatement {
  readonly name: string;
  readonly text: string;
}

/**
 * The only way to the database. Each call is one transaction: it commits when `work` resolves and rolls
 * back when it throws. The entity manager is valid inside `work` alone.
 */
export interface Store {
  /** As the app role, with the rows of one organization. Row-level security holds it there. */
  withOrganization<T>(organizationId: string, work: (em: EntityManager) => Promise<T>): Promise<T>;
  /** As the app role, with one person's own row, memberships and organizations. */
  withUser<T>(userId: string, work: (em: EntityManager) => Promise<T>): Promise<T>;
  /** As the app role, with the tables of the platform: organizations, people, node groups, tokens, nodes. */
  withPlatform<T>(work: (em: EntityManager) => Promise<T>): Promise<T>;
  /** As the system role, with everything: feed, snapshot, ingest, worker and login look-up only. */
  withSystem<T>(
    work: (em: EntityManager) => Promise<T>,
    options?: SystemTransactionOptions,
  ): Promise<T>;
  /**
   * As the system role: one reading statement, on its own. It sees one state of the database, takes one
   * round trip, and is planned once for each connection.
   */
  readSystem<Row extends object>(
    statement: ReadStatement,
    parameters: readonly unknown[],
  ): Promise<Row[]>;
  /** Ends both pools, once what runs has ended. */
  close(): Promise<void>;
}

/** Set in every transaction of the app role, so that nothing depends on what a connection did before. */
interface Scope {
  readonly organizationId?: string;
  readonly userId?: string;
  readonly platform?: true;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function scopeVariables(scope: Scope): Record<string, string> {
  for (const id of [scope.organizationId, scope.userId]) {
    if (id !== undefined && !uuid.test(id)) throw new TypeError('The scope’s id is no UUID.');
  }
  return {
    'mcpgw.organization_id': scope.organizationId ?? '',
    'mcpgw.user_id': scope.userId ?? '',
    'mcpgw.platform': scope.platform === true ? 'on' : '',
  };
}

async function openPool(
  connection: DatabaseConnection,
  role: 'app' | 'system',
  options: StoreOptions,
): Promise<MikroORM> {
  const poolSizeMax =
    role === 'app' ? (options.appPoolSizeMax ?? 10) : (options.systemPoolSizeMax ?? 6);
  const orm = await MikroORM.init({
    ...mikroOrmConnection(connection, {
      applicationName: `mcpgw-${role}`,
      poolSizeMax,
      connectTimeoutMs: options.connectTimeoutMs ?? 5000,
      statementTimeoutMs: options.statementTimeoutMs ?? 15_000,
      lockTimeoutMs: options.lockTimeoutMs ?? 5000,
      idleInTransactionTimeoutMs: options.idleInTransactionTimeoutMs ?? 20_000,
    }),
    contextName: `mcpgw-${role}`,
    entities,
    discovery: { checkDuplicateFieldNames: true },
    logger: (message) => options.logger.warn({ role }, message),
    colors: false,
  });
  try {
    await checkRole(orm.em.fork(), role);
  } catch (error) {
    await orm.close();
    throw error;
  }
  return orm;
}

/**
 * Opens one pool for each role.
 * @throws {StoreRefusal} when a role could pass row-level security, lacks its grants, or the database's
 * schema is not this build's; and when the server can't be reached.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const app = await openPool(options.roles.app, 'app', options);
  const system = await openPool(options.roles.system, 'system', options).catch(
    async (error: unknown) => {
      await app.close();
      throw error;
    },
  );

  const run = <T>(
    orm: MikroORM,
    variables: Record<string, string> | undefined,
    work: (em: EntityManager) => Promise<T>,
    isolation?: SystemTransactionOptions['isolation'],
  ): Promise<T> =>
    orm.em
      // Detached from the caller's asynchronous context: a transaction opened inside another one's work
      // must not become part of it, with the other's scope.
      .fork({
        disableContextResolution: true,
        ...(variables === undefined ? {} : { session: { variables } }),
      })
      .transactional((em) => work(em as EntityManager), {
        ...(isolation === undefined ? {} : { isolationLevel: isolation }),
      });

  return {
    withOrganization: async (organizationId, work) =>
      run(app, scopeVariables({ organizationId }), work),
    withUser: async (userId, work) => run(app, scopeVariables({ userId }), work),
    withPlatform: async (work) => run(app, scopeVariables({ platform: true }), work),
    withSystem: async (work, transaction) => run(system, undefined, work, transaction?.isolation),
    readSystem: async <Row extends object>(
      { name, text }: ReadStatement,
      parameters: readonly unknown[],
    ) => {
      const pool = await system.em.getDriver().getConnection().getNativeClient();
      const { rows } = await pool.query<Row>({ name, text, values: [...parameters] });
      return rows;
    },
    close: async () => {
      await Promise.all([app.close(), system.close()]);
    },
  };
}
