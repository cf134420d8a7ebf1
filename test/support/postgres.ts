import { randomBytes } from 'node:crypto';
import { Client, escapeIdentifier } from 'pg';
import { pino } from 'pino';
import {
  clientConfig,
  type DatabaseConnection,
  deriveRoleConnections,
  type RoleConnections,
} from '../../control-plane/store/database-connection.ts';
import { MasterKeyRing } from '../../control-plane/store/master-key-ring.ts';
import { openStore, type Store, type StoreOptions } from '../../control-plane/store/store.ts';
import { testServer } from './postgres-server.ts';
import { ensureTemplate, testMasterKey, testRoles } from './postgres-template.ts';

/** A migrated database of a test's own, with stores and connections that `drop` closes. */
export interface TestDatabase {
  readonly owner: DatabaseConnection;
  readonly roles: RoleConnections;
  readonly masterKeys: MasterKeyRing;
  /** The owner's URL, for a process that is configured by `MCPGW_DATABASE_URL`. */
  readonly ownerUrl: string;
  openStore(options?: Partial<StoreOptions>): Promise<Store>;
  /** A plain connection as one of the roles, to see what that role may do. */
  connect(role: 'owner' | 'app' | 'system'): Promise<Client>;
  drop(): Promise<void>;
}

/** The same connection as a URL. */
export function connectionUrl(connection: DatabaseConnection): string {
  const password = connection.password?.reveal();
  const login =
    encodeURIComponent(connection.user) + (password === undefined ? '' : `:${password}`);
  if (connection.host.startsWith('/')) {
    return `postgresql://${login}@localhost:${connection.port}/${connection.database}?host=${encodeURIComponent(connection.host)}`;
  }
  return `postgresql://${login}@${connection.host}:${connection.port}/${connection.database}`;
}

async function onServer<T>(
  server: DatabaseConnection,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client(clientConfig(server, 'mcpgw-test'));
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function createFromTemplate(server: DatabaseConnection, database: string): Promise<void> {
  const template = await ensureTemplate(server);
  await onServer(server, (client) =>
    client.query(
      `create database ${escapeIdentifier(database)} template ${escapeIdentifier(template)}`,
    ),
  );
}

/**
 * Makes a database from a template that is migrated once for each state of `migrations/`. The server is
 * the one of `TEST_DATABASE_URL` or 127.0.0.1:5432 when it answers, else an embedded one of this
 * test file's own; `TEST_POSTGRES=embedded` asks for that.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = await testServer();
  const database = `mcpgw_test_${randomBytes(6).toString('hex')}`;
  await createFromTemplate(server.connection, database);
  const owner = { ...server.connection, database };
  const roles = testRoles(owner);
  const stores: Store[] = [];
  const clients: Client[] = [];
  return {
    owner,
    roles,
    masterKeys: new MasterKeyRing(testMasterKey),
    ownerUrl: connectionUrl(owner),
    openStore: async (options = {}) => {
      const store = await openStore({ roles, logger: pino({ level: 'silent' }), ...options });
      stores.push(store);
      return store;
    },
    connect: async (role) => {
      const client = new Client(clientConfig(role === 'owner' ? owner : roles[role], 'mcpgw-test'));
      // Dropping the database may cut it off.
      client.on('error', () => undefined);
      await client.connect();
      clients.push(client);
      return client;
    },
    drop: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
      await onServer(server.connection, async (client) => {
        await client.query(`drop database if exists ${escapeIdentifier(database)} with (force)`);
        // What a process that was given `ownerUrl` made for itself.
        const own = deriveRoleConnections(owner, testMasterKey);
        for (const { user } of [own.app, own.system]) {
          await client.query(`drop role if exists ${escapeIdentifier(user)}`);
        }
      });
      await server.release();
    },
  };
}
