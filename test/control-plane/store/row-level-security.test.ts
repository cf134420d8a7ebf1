import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Client } from 'pg';
import { uuidV7 } from '../../../control-plane/store/uuid-v7.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let owner: Client;
let app: Client;
let system: Client;

const ours = {
  organization: uuidV7(),
  user: uuidV7(),
  server: uuidV7(),
  role: uuidV7(),
  account: uuidV7(),
};
const theirs: typeof ours = {
  organization: uuidV7(),
  user: uuidV7(),
  server: uuidV7(),
  role: uuidV7(),
  account: uuidV7(),
};
const outsider = uuidV7();
const nodeId = uuidV7();
const hash = Buffer.alloc(32, 1);

/** Tables of an organization, with the column that says whose a row is. */
const tenantTables: Readonly<Record<string, string>> = {
  organizations: 'id',
  memberships: 'organization_id',
  custom_roles: 'organization_id',
  service_accounts: 'organization_id',
  issuers: 'organization_id',
  user_identities: 'organization_id',
  oidc_logins: 'organization_id',
  revocations: 'organization_id',
  sessions: 'organization_id',
  session_proxy_tokens: 'organization_id',
  one_time_tokens: 'organization_id',
  api_keys: 'organization_id',
  mcp_servers: 'organization_id',
  mcp_endpoints: 'organization_id',
  upstream_secrets: 'organization_id',
  config_changes: 'organization_id',
  audit_chains: 'organization_id',
  audit_logs: 'organization_id',
  request_logs: 'organization_id',
  request_refusals: 'organization_id',
  policies: 'organization_id',
  policy_revisions: 'organization_id',
  policy_expectations: 'organization_id',
  server_definitions: 'organization_id',
  tool_pins: 'organization_id',
};

const platformTables = [
  'node_groups',
  'node_group_organizations',
  'node_tokens',
  'nodes',
  'seal_keys',
  'signing_keys',
  'revision_rollouts',
];

async function fill(party: typeof ours, slug: string, revision: number): Promise<void> {
  const { organization, user, server } = party;
  const run = (sql: string, values: unknown[]) => system.query(sql, values);
  await run('insert into organizations (id, slug, name) values ($1, $2, $2)', [organization, slug]);
  await run(`insert into users (id, email, display_name) values ($1, $2, 'someone')`, [
    user,
    `someone@${slug}.example`,
  ]);
  await run(
    `insert into memberships (organization_id, user_id, role) values ($1, $2, 'developer')`,
    [organization, user],
  );
  await run(
    `insert into custom_roles (organization_id, id, name, permissions)
     values ($1, $2, 'reader', '{servers.read}')`,
    [organization, party.role],
  );
  await run(
    `insert into service_accounts (organization_id, id, name, custom_role_id)
     values ($1, $2, 'reporter', $3)`,
    [organization, party.account, party.role],
  );
  await run(
    `insert into api_keys (organization_id, id, key_id, secret_hash, label, subject_user_id)
     values ($1, $2, $3, $4, 'laptop', $5)`,
    [organization, uuidV7(), slug.padEnd(12, 'x'), hash, user],
  );
  await run(
    `insert into mcp_servers (organization_id, id, slug, name, transport)
     values ($1, $2, 'files', 'Files', 'streamable-http')`,
    [organization, server],
  );
  await run(
    `insert into mcp_endpoints (organization_id, id, server_id, url)
     values ($1, $2, $3, 'http://127.0.0.1:9/mcp')`,
    [organization, uuidV7(), server],
  );
  await run(
    `insert into upstream_secrets
       (organization_id, id, server_id, header, ciphertext, wrapped_key, master_key_id)
     values ($1, $2, $3, 'authorization', $4, $4, 'k')`,
    [organization, uuidV7(), server, hash],
  );
  await run(
    `insert into audit_chains (chain_id, organization_id, sequence, hash) values ($1, $1, 1, $2)`,
    [organization, hash],
  );
  await run(
    `insert into audit_logs (chain_id, sequence, id, organization_id, at, action, actor_kind, actor_id,
       actor_label_commitment, target_type, target_id, target_label_commitment, details,
       private_details_commitment, previous_hash, hash)
     values ($1, 1, $2, $1, now(), 'x', 'system', 'x', $3, 'x', 'x', $3, '{}', $3, $3, $3)`,
    [organization, uuidV7(), hash],
  );
  await run(
    `insert into config_changes
       (revision, organization_id, entries, audit_chain_id, audit_sequence, committed_at)
     values ($2, $1, '[]', $1, 1, now())`,
    [organization, revision],
  );
  const policy = uuidV7();
  await run(
    `insert into policies (organization_id, id, name, effect, mode, position)
     values ($1, $2, 'no-deletes', 'deny', 'enforce', 0)`,
    [organization, policy],
  );
  await run(
    `insert into policy_revisions (organization_id, policy_id, revision, definition, change, actor)
     values ($1, $2, 1, '{}', 'created', 'someone')`,
    [organization, policy],
  );
  await run(
    `insert into policy_expectations (organization_id, id, policy_id, name, call, expected)
     values ($1, $2, $3, 'deletes are denied', '{}', 'deny')`,
    [organization, uuidV7(), policy],
  );
  await run(
    `insert into server_definitions (organization_id, id, server_id, kind, name, definition, hash)
     values ($1, $2, $3, 'tool', 'read_file', '{}', $4)`,
    [organization, uuidV7(), server, hash],
  );
  await run(
    `insert into tool_pins (organization_id, id, server_id, tool, definition, hash, approved_by)
     values ($1, $2, $3, 'read_file', '{}', $4, 'someone')`,
    [organization, uuidV7(), server, hash],
  );
  const issuer = uuidV7();
  const session = uuidV7();
  await run(
    `insert into issuers (organization_id, id, name, issuer_url, algorithms)
     values ($1, $2, 'sso', 'https://sso.example', '{ES256}')`,
    [organization, issuer],
  );
  await run(
    `insert into user_identities (organization_id, issuer_id, subject, user_id)
     values ($1, $2, 'subject', $3)`,
    [organization, issuer, user],
  );
  await run(
    `insert into oidc_logins (state_hash, organization_id, issuer_id, browser_hash,
       sealed_ciphertext, sealed_wrapped_key, sealed_master_key_id, redirect_url, expires_at)
     values ($1, $2, $3, $4, $4, $4, 'k', 'https://app.example', now())`,
    [Buffer.alloc(32, revision), organization, issuer, hash],
  );
  await run(
    `insert into revocations (organization_id, id, change_id, token_id, reason, expires_at)
     values ($1, $2, $2, 'token', 'lost', now())`,
    [organization, uuidV7()],
  );
  await run(
    `insert into sessions (id, user_id, organization_id, issuer_id, client_address, expires_at)
     values ($1, $2, $3, $4, '192.0.2.1', now())`,
    [session, user, organization, issuer],
  );
  await run(`insert into session_proxy_tokens values ($1, $2, $3, now())`, [
    ...[session, user, organization],
  ]);
  await run(
    `insert into one_time_tokens (id, token_id, token_hash, purpose, organization_id, email, role,
       created_by, expires_at)
     values ($1, $2, $3, 'invitation', $4, 'new@nobody.example', 'agent', 'x', now())`,
    [uuidV7(), slug.padEnd(12, 'x'), hash, organization],
  );
  await run(
    `insert into request_logs
       (id, organization_id, node_id, call_id, phase, started_at, decision)
     values ($1, $2, $3, $1, 'complete', now(), 'allowed')`,
    [uuidV7(), organization, nodeId],
  );
  await run(
    `insert into request_refusals
       (id, organization_id, node_id, window_start, window_end, reason, address_block, count)
     values ($1, $2, $3, now(), now(), 'credential_missing', '192.0.2.0/24', 1)`,
    [uuidV7(), organization, nodeId],
  );
}

async function fillPlatform(): Promise<void> {
  const { rows } = await system.query<{ id: string }>('select id from node_groups');
  const group = rows[0]?.id;
  const run = (sql: string, values: unknown[] = []) => system.query(sql, values);
  await run('insert into node_group_organizations values ($1, $2)', [group, ours.organization]);
  await run(
    `insert into node_tokens (id, token_id, token_hash, node_group_id, name)
     values ($1, 'abcdefghijkl', $2, $3, 'one')`,
    [uuidV7(), hash, group],
  );
  await run(`insert into nodes (id, node_group_id, name) values ($1, $2, 'one')`, [nodeId, group]);
  await run(`insert into seal_keys values ($1, 'k1', $2, true)`, [group, hash]);
  await run(
    `insert into signing_keys (kid, public_jwk, wrapped_private_key) values ('k', '{}', $1)`,
    [hash],
  );
  await run('insert into revision_rollouts (revision, node_group_id) values (1, $1)', [group]);
}

interface Scope {
  readonly organization?: string;
  readonly user?: string;
  readonly platform?: boolean;
}

/** Runs in a transaction with a scope, as the store does, and takes it back. */
async function inScope<T>(client: Client, scope: Scope, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    await client.query(
      `select set_config('mcpgw.organization_id', $1, true), set_config('mcpgw.user_id', $2, true),
         set_config('mcpgw.platform', $3, true)`,
      [scope.organization ?? '', scope.user ?? '', scope.platform === true ? 'on' : ''],
    );
    return await work();
  } finally {
    await client.query('rollback');
  }
}

async function owners(client: Client, table: string): Promise<unknown[]> {
  const { rows } = await client.query<{ whose: unknown }>(
    `select distinct ${tenantTables[table]} as whose from ${table}`,
  );
  return rows.map((row) => row.whose);
}

beforeAll(async () => {
  database = await createTestDatabase();
  owner = await database.connect('owner');
  app = await database.connect('app');
  system = await database.connect('system');
  await fill(ours, 'ours', 1);
  await fill(theirs, 'theirs', 2);
  await system.query(
    `insert into users (id, email, display_name) values ($1, 'outsider@elsewhere.example', 'o')`,
    [outsider],
  );
  await fillPlatform();
});

afterAll(() => database.drop());

describe('every table', () => {
  test('has row-level security that also binds its owner', async () => {
    const { rows } = await owner.query<{ relname: string }>(
      `select relname from pg_class where relnamespace = 'public'::regnamespace
         and relkind in ('r', 'p') and relname <> 'schema_migrations'
         and not (relrowsecurity and relforcerowsecurity)`,
    );
    expect(rows).toEqual([]);
  });

  test('has a policy, and shows the app role nothing that its transaction was not opened for', async () => {
    const { rows: bare } = await owner.query(
      `select relname from pg_class c where relnamespace = 'public'::regnamespace
         and relkind in ('r', 'p') and not relispartition and relname <> 'schema_migrations'
         and not exists (select from pg_policy p where p.polrelid = c.oid)`,
    );
    expect(bare).toEqual([]);
    const { rows: open } = await owner.query(
      `select tablename::text, policyname::text from pg_policies
       where schemaname = 'public' and not 'mcpgw_system_group' = any(roles)
         and policyname <> 'maintenance'
         and coalesce(qual, with_check) !~ 'mcpgw_(organization_id|user_id|platform)\\(\\)'`,
    );
    expect(open).toEqual([{ tablename: 'platform_state', policyname: 'everyone' }]);
  });

  test('that carries an organization is covered by this test', async () => {
    const { rows } = await owner.query<{ table_name: string }>(
      `select table_name::text from information_schema.columns
       where table_schema = 'public' and column_name = 'organization_id'
         and table_name not in (select relname from pg_class where relispartition)
         and table_name <> 'node_group_organizations'`,
    );
    const covered = Object.keys(tenantTables).filter((table) => table !== 'organizations');
    expect(rows.map((row) => row.table_name).sort()).toEqual(covered.sort());
  });

  test('holds rows of both organizations, so that what follows can fail', async () => {
    for (const table of Object.keys(tenantTables)) {
      expect([table, (await owners(system, table)).sort()]).toEqual([
        table,
        [ours.organization, theirs.organization].sort(),
      ]);
    }
  });
});

describe('the app role without a scope', () => {
  test('sees no row of any table of an organization or the platform', async () => {
    for (const table of [...Object.keys(tenantTables), ...platformTables, 'users']) {
      const { rows } = await app.query(`select count(*)::int as n from ${table}`);
      expect([table, rows]).toEqual([table, [{ n: 0 }]]);
    }
  });

  test('has no way to the tables of the event ingest or to a partition', async () => {
    for (const table of ['event_watermarks', 'request_logs_default']) {
      await expect(app.query(`select * from ${table}`)).rejects.toMatchObject({ code: '42501' });
    }
  });

  test('can’t set a scope by becoming another role', async () => {
    for (const role of ['mcpgw_system_group', database.owner.user, database.roles.system.user]) {
      await expect(app.query(`set role ${role}`)).rejects.toMatchObject({ code: '42501' });
    }
  });

  test('can’t turn row-level security off', async () => {
    await expect(app.query('alter table mcp_servers no force row level security')).rejects.toThrow(
      /must be owner/,
    );
    await app.query('set row_security = off');
    await expect(app.query('select * from mcp_servers')).rejects.toMatchObject({ code: '42501' });
    await app.query('reset row_security');
  });
});

describe('the app role in an organization', () => {
  const scope = { organization: ours.organization };

  test.each(Object.keys(tenantTables))('reads its own rows of %s only', async (table) => {
    expect(await inScope(app, scope, () => owners(app, table))).toEqual([ours.organization]);
  });

  test.each([
    'memberships',
    'custom_roles',
    'service_accounts',
    'api_keys',
    'mcp_servers',
    'mcp_endpoints',
    'upstream_secrets',
  ])('updates and deletes no row of another in %s', async (table) => {
    const touched = await inScope(app, scope, async () => {
      const column = tenantTables[table];
      const updated = await app.query(
        `update ${table} set created_at = now() where ${column} = $1`,
        [theirs.organization],
      );
      const deleted = await app.query(`delete from ${table} where ${column} = $1`, [
        theirs.organization,
      ]);
      return [updated.rowCount, deleted.rowCount];
    });
    expect(touched).toEqual([0, 0]);
  });

  test('inserts no row for another', async () => {
    const insert = inScope(app, scope, () =>
      app.query(
        `insert into mcp_servers (organization_id, id, slug, name, transport)
         values ($1, $2, 'planted', 'Planted', 'streamable-http')`,
        [theirs.organization, uuidV7()],
      ),
    );
    await expect(insert).rejects.toThrow(/row-level security policy/);
  });

  test('moves no row to another', async () => {
    const move = inScope(app, scope, () =>
      app.query('update api_keys set organization_id = $1', [theirs.organization]),
    );
    await expect(move).rejects.toThrow(/row-level security policy/);
  });

  test('hangs no row under another’s parent, though foreign keys see past row-level security', async () => {
    const endpoint = inScope(app, scope, () =>
      app.query(
        `insert into mcp_endpoints (organization_id, id, server_id, url)
         values ($1, $2, $3, 'http://127.0.0.1:9/mcp')`,
        [ours.organization, uuidV7(), theirs.server],
      ),
    );
    await expect(endpoint).rejects.toMatchObject({ code: '23503' });
    const key = inScope(app, scope, () =>
      app.query(
        `insert into api_keys (organization_id, id, key_id, secret_hash, label, subject_user_id)
         values ($1, $2, 'zzzzzzzzzzzz', $3, 'k', $4)`,
        [ours.organization, uuidV7(), hash, theirs.user],
      ),
    );
    await expect(key).rejects.toMatchObject({ code: '23503' });
    const account = inScope(app, scope, () =>
      app.query(
        `insert into service_accounts (organization_id, id, name, custom_role_id)
         values ($1, $2, 'planted', $3)`,
        [ours.organization, uuidV7(), theirs.role],
      ),
    );
    await expect(account).rejects.toMatchObject({ code: '23503' });
    const serviceKey = inScope(app, scope, () =>
      app.query(
        `insert into api_keys (organization_id, id, key_id, secret_hash, label, service_account_id)
         values ($1, $2, 'zzzzzzzzzzzz', $3, 'k', $4)`,
        [ours.organization, uuidV7(), hash, theirs.account],
      ),
    );
    await expect(serviceKey).rejects.toMatchObject({ code: '23503' });
  });

  test('sees its members, and no other people', async () => {
    const { rows } = await inScope(app, scope, () => app.query('select id from users'));
    expect(rows).toEqual([{ id: ours.user }]);
  });

  test('changes no person’s account', async () => {
    const { rowCount } = await inScope(app, scope, () =>
      app.query(`update users set password_hash = 'mine' where id = $1`, [ours.user]),
    );
    expect(rowCount).toBe(0);
  });

  test.each(platformTables)('sees nothing of %s', async (table) => {
    const { rows } = await inScope(app, scope, () => app.query(`select * from ${table}`));
    expect(rows).toEqual([]);
  });

  test('changes and removes no audit entry, record or revision', async () => {
    for (const table of ['audit_logs', 'config_changes', 'request_logs']) {
      for (const sql of [
        `delete from ${table}`,
        `update ${table} set organization_id = organization_id`,
      ]) {
        const refused = inScope(app, scope, () => app.query(sql));
        await expect(refused).rejects.toMatchObject({ code: '42501' });
      }
    }
  });
});

describe('the app role for a person', () => {
  const scope = { user: ours.user };

  test('sees the person, their memberships and organizations only', async () => {
    const seen = await inScope(app, scope, async () => ({
      users: (await app.query('select id from users')).rows,
      memberships: (await app.query('select organization_id from memberships')).rows,
      organizations: (await app.query('select id from organizations')).rows,
    }));
    expect(seen).toEqual({
      users: [{ id: ours.user }],
      memberships: [{ organization_id: ours.organization }],
      organizations: [{ id: ours.organization }],
    });
  });

  test('grants no membership and changes no organization', async () => {
    const grant = inScope(app, scope, () =>
      app.query(
        `insert into memberships (organization_id, user_id, role) values ($1, $2, 'owner')`,
        [theirs.organization, ours.user],
      ),
    );
    await expect(grant).rejects.toThrow(/row-level security policy/);
    const { rowCount } = await inScope(app, scope, () =>
      app.query(`update organizations set name = 'x'`),
    );
    expect(rowCount).toBe(0);
  });

  test('changes the person’s own account, but makes nobody an operator and unlocks nobody', async () => {
    const update = (set: string) =>
      inScope(app, scope, () => app.query(`update users set ${set} where true returning id`));
    expect((await update(`password_hash = 'new'`)).rows).toEqual([{ id: ours.user }]);
    for (const set of [`platform_role = 'operator'`, 'disabled_at = now()']) {
      await expect(update(set)).rejects.toMatchObject({ code: '42501' });
    }
  });

  test('reads no audit entry', async () => {
    const { rows } = await inScope(app, scope, () => app.query('select * from audit_logs'));
    expect(rows).toEqual([]);
  });
});

describe('the app role for the platform', () => {
  const scope = { platform: true };

  test('sees people, organizations and nodes', async () => {
    const seen = await inScope(app, scope, async () => ({
      organizations: (await app.query('select id from organizations')).rowCount,
      users: (await app.query('select id from users')).rowCount,
      nodes: (await app.query('select id from nodes')).rowCount,
    }));
    expect(seen).toEqual({ organizations: 2, users: 3, nodes: 1 });
  });

  test.each(['api_keys', 'mcp_servers', 'mcp_endpoints', 'upstream_secrets', 'request_logs'])(
    'sees nothing that belongs to an organization: %s',
    async (table) => {
      const { rows } = await inScope(app, scope, () => app.query(`select * from ${table}`));
      expect(rows).toEqual([]);
    },
  );
});

describe('the system role', () => {
  test('sees every organization by policy, not by bypassing row-level security', async () => {
    const { rows } = await system.query(
      'select rolbypassrls, rolsuper from pg_roles where rolname = current_user',
    );
    expect(rows).toEqual([{ rolbypassrls: false, rolsuper: false }]);
  });

  test('changes no record that has been written', async () => {
    for (const table of ['audit_logs', 'request_logs']) {
      await expect(system.query(`delete from ${table}`)).rejects.toMatchObject({ code: '42501' });
    }
  });
});

test('the owner of these tables is a superuser, and the app role is held all the same', async () => {
  const { rows } = await owner.query<{ rolsuper: boolean }>(
    'select rolsuper from pg_roles where rolname = current_user',
  );
  expect(rows).toEqual([{ rolsuper: true }]);
  expect(await owners(owner, 'api_keys')).toHaveLength(2);
  const seen = await inScope(app, { organization: ours.organization }, () =>
    owners(app, 'api_keys'),
  );
  expect(seen).toEqual([ours.organization]);
});
