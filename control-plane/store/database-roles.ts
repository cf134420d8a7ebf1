import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { type Client, DatabaseError, escapeIdentifier, escapeLiteral } from 'pg';
import {
  type DatabaseConnection,
  isDerivedRole,
  type RoleConnections,
} from './database-connection.ts';
import type { Secret } from './secret.ts';

/**
 * Group roles that grants and policies name. They are the cluster's, can't log in and own nothing. No login
 * role ends like them: those end in `_app` or `_system` and a key's id, after whatever the database is called.
 */
export const groupRoles = { app: 'mcpgw_app_group', system: 'mcpgw_system_group' } as const;

const scramIterations = 4096;

/**
 * What PostgreSQL stores of a password (RFC 5803), computed here so that the password itself never stands
 * in a statement that the server may log.
 */
function scramVerifier(password: Secret): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password.reveal(), salt, scramIterations, 32, 'sha256');
  const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64');
  const serverKey = hmac(salted, 'Server Key').toString('base64');
  return `SCRAM-SHA-256$${scramIterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

const duplicateCodes = new Set(['42710', '23505']);

/** Roles belong to the whole cluster: another database's migration may create the same one right now. */
async function createRole(client: Client, name: string, attributes: string): Promise<void> {
  try {
    await client.query(`create role ${escapeIdentifier(name)} ${attributes}`);
  } catch (error) {
    if (error instanceof DatabaseError && duplicateCodes.has(error.code ?? '')) return;
    throw new Error(
      `The database role "${name}" is missing and can't be created (${(error as Error).message}). ` +
        `Create it with: CREATE ROLE "${name}" ${attributes.split(' password')[0]};`,
    );
  }
}

async function roleExists(client: Client, name: string): Promise<boolean> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [name]);
  return rowCount === 1;
}

async function ensureMembership(client: Client, member: string, group: string): Promise<void> {
  const { rows } = await client.query<{ member: boolean }>(
    `select exists (select from pg_auth_members a
       where a.roleid = (select oid from pg_roles where rolname = $1)
         and a.member = (select oid from pg_roles where rolname = $2)) as member`,
    [group, member],
  );
  if (rows[0]?.member === true) return;
  await client.query(`grant ${escapeIdentifier(group)} to ${escapeIdentifier(member)}`);
}

async function ensureLoginRole(
  client: Client,
  connection: DatabaseConnection,
  group: string,
  managed: boolean,
): Promise<void> {
  const password = connection.password;
  const attributes =
    password === undefined ? 'login' : `login password ${escapeLiteral(scramVerifier(password))}`;
  if (!(await roleExists(client, connection.user))) {
    await createRole(client, connection.user, attributes);
  } else if (managed) {
    await client.query(`alter role ${escapeIdentifier(connection.user)} ${attributes}`);
  }
  await ensureMembership(client, connection.user, group);
}

/**
 * Makes the group roles, and the login roles of this database where they are missing. Only they and the
 * owner may connect to it: group roles are the cluster's, and another gateway's login roles hold them too.
 * Runs under the migration lock.
 */
export async function ensureDatabaseRoles(client: Client, roles: RoleConnections): Promise<void> {
  for (const group of Object.values(groupRoles)) {
    if (!(await roleExists(client, group))) await createRole(client, group, 'nologin');
  }
  await ensureLoginRole(client, roles.app, groupRoles.app, roles.managed);
  await ensureLoginRole(client, roles.system, groupRoles.system, roles.managed);
  const database = escapeIdentifier(roles.app.database);
  await client.query(`revoke connect, temporary on database ${database} from public`);
  await client.query(
    `grant connect on database ${database}
     to ${escapeIdentifier(roles.app.user)}, ${escapeIdentifier(roles.system.user)}`,
  );
}

/** What became of the login roles that earlier master keys stood for. */
export interface RetiredRoles {
  readonly dropped: readonly string[];
  /** Somebody is logged in with them. */
  readonly inUse: readonly string[];
}

const earlierRolesQuery = `
select distinct r.rolname as name,
  exists (select from pg_stat_activity a where a.usename = r.rolname) as used
from pg_roles r
join pg_auth_members m on m.member = r.oid
join pg_roles g on g.oid = m.roleid and g.rolname = any($1)
order by 1`;

/**
 * Drops the login roles of this database that were derived from other master keys, unless they are in use:
 * their passwords follow from keys that are no longer to open anything.
 */
export async function retireEarlierRoles(
  client: Client,
  roles: RoleConnections,
): Promise<RetiredRoles> {
  if (!roles.managed) return { dropped: [], inUse: [] };
  const { database } = roles.app;
  const current = [roles.app.user, roles.system.user];
  const { rows } = await client.query<{ name: string; used: boolean }>(earlierRolesQuery, [
    Object.values(groupRoles),
  ]);
  const earlier = rows.filter(
    ({ name }) => isDerivedRole(database, name) && !current.includes(name),
  );
  const dropped = earlier.filter(({ used }) => !used).map(({ name }) => name);
  for (const name of dropped) {
    const role = escapeIdentifier(name);
    await client.query(`revoke connect on database ${escapeIdentifier(database)} from ${role}`);
    await client.query(`drop role ${role}`);
  }
  return { dropped, inUse: earlier.filter(({ used }) => used).map(({ name }) => name) };
}
