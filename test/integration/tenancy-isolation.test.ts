import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { permissions } from '../../control-plane/graphql/authorize/permissions.ts';
import { buildGraphqlSchema } from '../../control-plane/graphql/schema.ts';
import { argumentsFor } from '../support/tenancy-arguments.ts';
import { operationsOf } from '../support/tenancy-operations.ts';
import type { Replica } from './graphql-harness.ts';
import { attempt, openWorld, type TenancyWorld, type Tenant } from './tenancy-world.ts';

const schema = buildGraphqlSchema();
const operations = operationsOf(schema);
let world: TenancyWorld;
let theirs: Tenant;
let ours: Tenant;
/** Serves without a single check of permissions in front of its resolvers. */
let unguarded: Replica;

beforeAll(async () => {
  world = await openWorld(schema);
  theirs = await world.tenant('theirs');
  ours = await world.tenant('ours');
  const table = permissions as Record<string, string>;
  for (const field of Object.keys(table)) table[field] = 'public';
  unguarded = await world.harness.replica({
    bounds: { depthMax: 100, costMax: 1_000_000_000, tokensMax: 1_000_000 },
  });
}, 120_000);

afterAll(() => world.close());

/** What the database holds of the other organization and of the platform, for comparing. */
async function digest(): Promise<Record<string, string>> {
  const { rows } = await world.system.query<{ name: string; own: boolean }>(
    `select c.relname as name, exists (select from pg_attribute a
         where a.attrelid = c.oid and a.attname = 'organization_id' and not a.attisdropped) as own
     from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
       and not c.relispartition and c.relname not in
         ('schema_migrations', 'platform_state', 'login_throttles', 'refresh_tokens', 'sessions')`,
  );
  const result: Record<string, string> = {};
  for (const { name, own } of rows) {
    let where = own ? `where organization_id = '${theirs.organizationId}'` : '';
    if (name === 'organizations') where = `where id = '${theirs.organizationId}'`;
    // Callers may change their own accounts.
    if (name === 'users') where = `where email not like '%@${ours.marker}.example'`;
    const found = await world.system.query<{ hash: string }>(
      `select md5(coalesce(string_agg(t::text, ',' order by t::text), '')) as hash from ${name} t ${where}`,
    );
    result[name] = found.rows[0]?.hash ?? '';
  }
  return result;
}

const callers = ['owner', 'agent', 'key', 'anonymous'] as const;

function credentialOf(caller: (typeof callers)[number]): string | undefined {
  if (caller === 'anonymous') return undefined;
  if (caller === 'key') return ours.keys.full;
  return ours.tokens[caller.toUpperCase()];
}

describe('without the checks in front of resolvers', () => {
  test('the test can see what belongs to an organization', async () => {
    const organization = operations.find(({ path }) => path === 'Query.organization');
    if (organization === undefined) throw new Error('no such operation');
    const args = { id: theirs.organizationId };
    const { text } = await attempt(
      unguarded,
      organization,
      args,
      theirs.organizationId,
      theirs.tokens['OWNER'],
    );
    for (const trace of [theirs.marker, theirs.organizationId]) expect(text).toContain(trace);
  });

  describe.each(callers)('an %s of another organization', (caller) => {
    test.each(operations.map((operation) => [operation.path, operation] as const))(
      'is shown nothing by %s, and changes nothing',
      async (_path, operation) => {
        const before = operation.root === 'mutation' ? await digest() : {};
        const args = argumentsFor(operation, { ...theirs, marker: 'probe', slug: 'probe' });
        const credential = credentialOf(caller);
        const { text, code, data } = await attempt(
          unguarded,
          operation,
          args,
          theirs.organizationId,
          credential,
        );
        const leaked = theirs.traces.filter((trace) => text.includes(trace));
        expect({ leaked, text: leaked.length > 0 ? text : '' }).toEqual({ leaked: [], text: '' });
        expect(code).not.toBe('INTERNAL');
        if (operation.root === 'subscription') expect(code).not.toBe('OK');
        if (operation.root === 'mutation') {
          expect([JSON.stringify(data), await digest()]).toEqual([JSON.stringify(data), before]);
        }
        const renewed = caller !== 'anonymous' && caller !== 'key' && operation.root === 'mutation';
        // Some operations end the caller's own session, as they may.
        if (renewed) await renew(caller);
      },
    );
  });
});

async function renew(caller: 'owner' | 'agent'): Promise<void> {
  const role = caller.toUpperCase();
  const probe = await world.replica.post('{ viewer { user { id } } }', {}, ours.tokens[role]);
  if (probe.errors.length === 0) return;
  const reply = await world.replica.post<{ login: { accessToken: string } }>(
    'mutation($e: String!) { login(email: $e, password: "correct horse battery") { accessToken } }',
    { e: ours.emails[role] },
  );
  (ours.tokens as Record<string, string>)[role] = reply.data?.login.accessToken ?? '';
}
