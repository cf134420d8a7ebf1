import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { Client, escapeIdentifier } from 'pg';
import { pino } from 'pino';
import {
  clientConfig,
  type DatabaseConnection,
  deriveRoleConnections,
  type RoleConnections,
} from '../../control-plane/store/database-connection.ts';
import { MasterKey } from '../../control-plane/store/master-key.ts';
import { migrate } from '../../control-plane/store/migrate.ts';

/** Master key of every test. */
export const testMasterKey = new MasterKey(new Uint8Array(32).fill(7));

/** Roles that all test databases of a server share: they are the cluster's, and two suffice. */
export function testRoles(owner: DatabaseConnection): RoleConnections {
  const shared = deriveRoleConnections({ ...owner, database: 'mcpgw_test' }, testMasterKey);
  const here = (connection: DatabaseConnection) => ({ ...connection, database: owner.database });
  return { app: here(shared.app), system: here(shared.system), managed: true };
}

const templatePrefix = 'mcpgw_template_';
const templateLock = 0x6d637074;

/** Changes with everything that a template is made from. */
export function schemaHash(): string {
  const hash = createHash('sha256');
  const migrations = new URL('../../migrations/', import.meta.url);
  for (const file of readdirSync(migrations).sort()) {
    hash.update(file).update(readFileSync(new URL(file, migrations)));
  }
  const roles = new URL('../../control-plane/store/database-roles.ts', import.meta.url);
  return hash.update(readFileSync(roles)).digest('hex').slice(0, 16);
}

async function exists(client: Client, database: string): Promise<boolean> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [database]);
  return rowCount === 1;
}

async function buildTemplate(
  client: Client,
  server: DatabaseConnection,
  template: string,
): Promise<void> {
  const draft = `${template}_draft`;
  await client.query(`drop database if exists ${escapeIdentifier(draft)} with (force)`);
  await client.query(`create database ${escapeIdentifier(draft)}`);
  const owner = { ...server, database: draft };
  await migrate({ owner, roles: testRoles(owner), logger: pino({ level: 'silent' }) });
  // Under its final name only when complete: a run that was cut off leaves a draft.
  await client.query(
    `alter database ${escapeIdentifier(draft)} rename to ${escapeIdentifier(template)}`,
  );
}

/** Name of the migrated template on this server; makes it when `migrations/` has changed. */
export async function ensureTemplate(server: DatabaseConnection): Promise<string> {
  const template = templatePrefix + schemaHash();
  const client = new Client(clientConfig(server, 'mcpgw-test'));
  await client.connect();
  try {
    if (await exists(client, template)) return template;
    await client.query('select pg_advisory_lock($1)', [templateLock]);
    if (!(await exists(client, template))) await buildTemplate(client, server, template);
    return template;
  } finally {
    await client.end();
  }
}
