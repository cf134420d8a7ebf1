import type { EntityManager } from '@mikro-orm/postgresql';
import { groupRoles } from './database-roles.ts';
import { migrationNames, migrationsTable } from './migrate.ts';

/** Why the store did not open: each line is a fault that an operator can mend. */
export class StoreRefusal extends Error {
  readonly faults: readonly string[];

  constructor(role: string, faults: readonly string[]) {
    super(`The ${role} role can't be used:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.name = 'StoreRefusal';
    this.faults = faults;
  }
}

interface RoleFacts {
  readonly name: string;
  readonly superuser: boolean;
  readonly bypasses: boolean;
  /** Roles that it may become and that are a superuser or pass row-level security. */
  readonly stronger: string | null;
  readonly owned: string | null;
  readonly unprotected: string | null;
  readonly app_member: boolean | null;
  readonly system_member: boolean | null;
  readonly migrated: boolean;
}

const factsQuery = `
select r.rolname as name, r.rolsuper as superuser, r.rolbypassrls as bypasses,
  (select string_agg(o.rolname, ', ') from pg_roles o
    where o.oid <> r.oid and (o.rolsuper or o.rolbypassrls)
      and pg_has_role(r.oid, o.oid, 'member')) as stronger,
  (select string_agg(c.relname, ', ') from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and pg_has_role(r.oid, c.relowner, 'member')) as owned,
  (select string_agg(c.relname, ', ') from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and c.relname <> '${migrationsTable}'
      and not (c.relrowsecurity and c.relforcerowsecurity)) as unprotected,
  (select pg_has_role(r.oid, g.oid, 'usage') from pg_roles g
    where g.rolname = '${groupRoles.app}') as app_member,
  (select pg_has_role(r.oid, g.oid, 'member') from pg_roles g
    where g.rolname = '${groupRoles.system}') as system_member,
  to_regclass('public.${migrationsTable}') is not null as migrated
from pg_roles r where r.rolname = session_user`;

function membershipFaults(facts: RoleFacts, role: 'app' | 'system'): string[] {
  if (role === 'system') {
    return facts.system_member === true
      ? []
      : [`"${facts.name}" is no member of ${groupRoles.system}`];
  }
  const faults = [];
  if (facts.app_member !== true) {
    faults.push(`"${facts.name}" is no member of ${groupRoles.app}`);
  }
  if (facts.system_member === true) {
    faults.push(
      `"${facts.name}" is a member of ${groupRoles.system} and would see every organization`,
    );
  }
  return faults;
}

function roleFaults(facts: RoleFacts): string[] {
  const { name } = facts;
  // A superuser is a member of every role and owns everything: saying so once is enough.
  if (facts.superuser) return [`"${name}" is a superuser`];
  const faults = [];
  if (facts.bypasses) faults.push(`"${name}" has BYPASSRLS`);
  if (facts.stronger !== null) faults.push(`"${name}" may become ${facts.stronger}`);
  if (facts.owned !== null) faults.push(`"${name}" owns ${facts.owned}`);
  return faults;
}

async function pendingMigrations(em: EntityManager): Promise<string[]> {
  const rows = await em.execute<{ name: string }[]>(`select name from ${migrationsTable}`);
  const applied = new Set(rows.map((row) => row.name));
  return migrationNames().filter((name) => !applied.has(name));
}

/**
 * Refuses a role that row-level security doesn't hold, or that can't work: a superuser, BYPASSRLS, an
 * owner of tables, a member of a role that is one of these, an app role with the system's rights, a table
 * without forced row-level security, or a database that this build's migrations have not all reached.
 * @throws {StoreRefusal} naming every fault.
 */
export async function checkRole(em: EntityManager, role: 'app' | 'system'): Promise<void> {
  const [facts] = await em.execute<RoleFacts[]>(factsQuery);
  if (facts === undefined) throw new StoreRefusal(role, ['the role is unknown to its own server']);
  const faults = roleFaults(facts);
  if (faults.length === 0) faults.push(...membershipFaults(facts, role));
  if (!facts.migrated) {
    faults.push('the database has no schema yet: run the migrations');
    throw new StoreRefusal(role, faults);
  }
  if (facts.unprotected !== null) {
    faults.push(`row-level security is not forced on ${facts.unprotected}`);
  }
  if (faults.length > 0) throw new StoreRefusal(role, faults);
  const pending = await pendingMigrations(em);
  if (pending.length > 0) {
    throw new StoreRefusal(role, [`migrations have not run: ${pending.join(', ')}`]);
  }
}
