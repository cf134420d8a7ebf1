import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Migration, Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import { Client } from 'pg';
import type { Logger } from '../../common/logging.ts';
import {
  clientConfig,
  type DatabaseConnection,
  type RoleConnections,
} from './database-connection.ts';
import { ensureDatabaseRoles, groupRoles } from './database-roles.ts';
import { mikroOrmConnection } from './mikro-orm-connection.ts';

/** Keeps which migrations have run. */
export const migrationsTable = 'schema_migrations';

const migrationFile = /^(\d{4}-[a-z0-9-]+)\.[jt]s$/;
// Any two constants do, as long as every version of the gateway uses the same.
const migrationLock = [0x6d637067, 1] as const;
const lockTimeoutMs = 15_000;

type MigrationClass = new (...parameters: ConstructorParameters<typeof Migration>) => Migration;

export interface MigrateOptions {
  /** A role that may create tables here; a superuser or one with CREATEROLE unless the roles exist. */
  readonly owner: DatabaseConnection;
  readonly roles: RoleConnections;
  readonly logger: Logger;
}

function migrationsDirectory(): URL {
  return new URL('../../migrations/', import.meta.url);
}

/** Names of the migrations that this build knows, in order. */
export function migrationNames(): string[] {
  return readdirSync(migrationsDirectory())
    .flatMap((file) => migrationFile.exec(file)?.[1] ?? [])
    .sort();
}

async function loadMigrations(): Promise<{ name: string; class: MigrationClass }[]> {
  // Beside this file's own form: .ts in the sources, .js once built.
  const extension = fileURLToPath(import.meta.url).endsWith('.ts') ? 'ts' : 'js';
  const migrations = [];
  for (const name of migrationNames()) {
    const url = new URL(`${name}.${extension}`, migrationsDirectory()).href;
    const module = (await import(url)) as Record<string, unknown>;
    const found = Object.values(module).find(
      (value): value is MigrationClass =>
        typeof value === 'function' && value.prototype instanceof Migration,
    );
    if (found === undefined) throw new Error(`The migration ${name} exports no migration.`);
    migrations.push({ name, class: found });
  }
  return migrations;
}

async function runMigrations(owner: DatabaseConnection, logger: Logger): Promise<string[]> {
  const orm = await MikroORM.init({
    ...mikroOrmConnection(owner, {
      applicationName: 'mcpgw-migrate',
      poolSizeMax: 1,
      connectTimeoutMs: 10_000,
      // A migration that waits for a lock makes everybody behind it wait too.
      lockTimeoutMs,
      statementTimeoutMs: 0,
      idleInTransactionTimeoutMs: 0,
    }),
    entities: [],
    discovery: { warnWhenNoEntities: false },
    extensions: [Migrator],
    migrations: {
      tableName: migrationsTable,
      migrationsList: await loadMigrations(),
      transactional: true,
      allOrNothing: true,
      disableForeignKeys: false,
      snapshot: false,
      silent: true,
    },
  });
  try {
    orm.migrator.on('migrated', (event) => {
      logger.info({ migration: event.name }, 'migration applied');
    });
    const applied = await orm.migrator.up();
    return applied.map((migration) => migration.name);
  } finally {
    await orm.close();
  }
}

async function lockMigrations(client: Client, logger: Logger): Promise<void> {
  const { rows } = await client.query<{ locked: boolean }>(
    'select pg_try_advisory_lock($1, $2) as locked',
    [...migrationLock],
  );
  if (rows[0]?.locked === true) return;
  logger.info('another process is migrating the database; waiting for it');
  await client.query('select pg_advisory_lock($1, $2)', [...migrationLock]);
}

/**
 * Brings a database to this build's schema: roles, then every migration that has not run, all in one
 * transaction. Several processes may call it at once: a session-level advisory lock spans all of it
 * (MikroORM's migrator takes none), and whoever comes second finds nothing left to do.
 * @throws when a role is missing that the owner may not create, or a statement fails; nothing of the
 * migrations is applied then.
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  const client = new Client(clientConfig(options.owner, 'mcpgw-migrate'));
  // A broken connection also fails the query in flight; unheard, the event would end the process.
  client.on('error', (error) => options.logger.warn({ err: error }, 'migration connection lost'));
  await client.connect();
  try {
    await lockMigrations(client, options.logger);
    await ensureDatabaseRoles(client, options.roles);
    const applied = await runMigrations(options.owner, options.logger);
    await client.query(
      `grant select on ${migrationsTable} to ${groupRoles.app}, ${groupRoles.system}`,
    );
    return { applied };
  } finally {
    await client.end();
  }
}
