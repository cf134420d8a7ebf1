import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { fetch } from 'undici';
import { newCredential } from '../../common/credential.ts';
import { identifyKey } from '../../control-plane/identity/key-principal.ts';
import { type Answer, Caller, Tenant, unique } from './automation-api.ts';
import { type GraphqlHarness, openHarness, type Replica } from './graphql-harness.ts';

let harness: GraphqlHarness;
let replica: Replica;
let tenant: Tenant;

beforeAll(async () => {
  harness = await openHarness();
  replica = await harness.replica();
  tenant = await Tenant.create(harness, replica);
});

afterAll(() => harness.close());

const servers = 'query($id: ID!) { organization(id: $id) { servers { nodes { slug } } } }';
const newServer = () => ({
  organizationId: tenant.id,
  slug: unique('server'),
  name: 'Server',
  endpoints: [{ url: 'http://10.0.0.1/mcp' }],
});

function named({ id, version }: { readonly id: string; readonly version: number }) {
  return { organizationId: tenant.id, id, version };
}

/** An account with a key, and somebody who shows it. */
async function keyed(role: string, scopes: readonly string[], expiresAt?: Date) {
  const account = await tenant.account({ role });
  const key = await tenant.key(account.id, { scopes, ...(expiresAt && { expiresAt }) });
  return { account, key: key.record, text: key.text, caller: new Caller(replica, key.text) };
}

describe('a key with the scope admin', () => {
  test('does what the account’s role allows', async () => {
    const { caller, account } = await keyed('DEVELOPER', ['admin']);
    expect(await caller.errorsOf('createServer', newServer())).toEqual([]);
    expect(await caller.refusal(servers, { id: tenant.id })).toBeUndefined();
    const members = 'query($id: ID!) { organization(id: $id) { members { nodes { userId } } } }';
    expect(await caller.refusal(members, { id: tenant.id })).toBe('FORBIDDEN');
    const role = { organizationId: tenant.id, name: 'r', permissions: ['SERVERS_READ'] };
    expect(await caller.mutationRefusal('createCustomRole', role)).toBe('FORBIDDEN');
    const viewer =
      '{ viewer { user { id } serviceAccountId memberships { organizationId role } tokenExpiresAt } organizations { nodes { id } } }';
    expect(await caller.query(viewer)).toEqual({
      viewer: {
        ...{ user: null, serviceAccountId: account.id, tokenExpiresAt: null },
        memberships: [{ organizationId: tenant.id, role: 'DEVELOPER' }],
      },
      organizations: { nodes: [{ id: tenant.id }] },
    });
  });

  test('gives nobody more than the account has', async () => {
    const { caller } = await keyed('ADMIN', ['admin']);
    const owner = { organizationId: tenant.id, name: unique('account'), role: 'OWNER' };
    expect(await caller.errorsOf('createServiceAccount', owner)).toEqual(['role NOT_ALLOWED']);
    const account = await tenant.account({ role: 'OWNER' });
    const key = { organizationId: tenant.id, label: 'k', serviceAccountId: account.id };
    expect(await caller.errorsOf('createApiKey', key)).toEqual(['serviceAccountId NOT_ALLOWED']);
  });

  test('does nothing in another organization, and does not see it', async () => {
    const { caller } = await keyed('OWNER', ['admin']);
    const other = await Tenant.create(harness, replica);
    const account = await other.account();
    const { organization } = await caller.query<{ organization: unknown }>(servers, {
      id: other.id,
    });
    expect(organization).toBeNull();
    const found = 'query($o: ID!, $id: ID!) { serviceAccount(organizationId: $o, id: $id) { id } }';
    const { serviceAccount } = await caller.query<{ serviceAccount: unknown }>(found, {
      ...{ o: other.id, id: account.id },
    });
    expect(serviceAccount).toBeNull();
    const operations: readonly [string, object][] = [
      ['createServiceAccount', { name: 'planted', role: 'AGENT' }],
      ['updateServiceAccount', { id: account.id, version: 1, disabled: true }],
      ['createServer', { slug: 'planted', name: 'Planted', endpoints: [] }],
      ['createCustomRole', { name: 'planted', permissions: ['SERVERS_READ'] }],
    ];
    for (const [name, input] of operations) {
      const refusal = await caller.mutationRefusal(name, { organizationId: other.id, ...input });
      expect([name, refusal]).toEqual([name, 'NOT_FOUND']);
    }
  });

  test('is no operator and no person', async () => {
    const { caller } = await keyed('OWNER', ['admin']);
    expect(await caller.refusal('{ users { nodes { id } } }')).toBe('FORBIDDEN');
    expect(await caller.refusal('mutation { logout { userErrors { code } } }')).toBe('FORBIDDEN');
  });
});

describe('a key with the scope admin:read', () => {
  test('reads what the role allows to read, and changes nothing', async () => {
    const { caller } = await keyed('ADMIN', ['admin:read']);
    expect(await caller.refusal(servers, { id: tenant.id })).toBeUndefined();
    const refusal = await caller.mutationRefusal('createServer', newServer());
    expect(refusal).toBe('INSUFFICIENT_SCOPE');
    expect(await caller.refusal('mutation { logout { userErrors { code } } }')).toBe(
      'INSUFFICIENT_SCOPE',
    );
    const { viewer } = await caller.query<{
      viewer: { memberships: { permissions: string[] }[] };
    }>('{ viewer { memberships { permissions } } }');
    const permissions = viewer.memberships[0]?.permissions ?? [];
    expect(permissions.length).toBeGreaterThan(5);
    expect(permissions.filter((permission) => !permission.endsWith('_READ'))).toEqual([]);
  });
});

describe('a key is refused', () => {
  test('without a scope for administration, and the attempt is in the audit trail', async () => {
    const { caller, key } = await keyed('OWNER', ['mcp:*']);
    expect(await caller.refusal(servers, { id: tenant.id })).toBe('INSUFFICIENT_SCOPE');
    const { userId, caller: person } = await tenant.member({ role: 'DEVELOPER' });
    const input = { organizationId: tenant.id, label: 'mine', userId };
    const { key: text } = await person.mutate<{ key: string }>('createApiKey', input);
    expect(await new Caller(replica, text).refusal(servers, { id: tenant.id })).toBe(
      'INSUFFICIENT_SCOPE',
    );
    const client = await harness.database.connect('owner');
    const { rows } = await client.query(
      `select actor_kind from audit_logs where action = 'access.refused' and organization_id = $1
         and details->'credential'->>'id' = $2`,
      [tenant.id, key.keyId],
    );
    expect(rows).toEqual([{ actor_kind: 'service' }]);
  });

  test.each(['query', 'mutation'])('when it was revoked: a %s', async (kind) => {
    const { caller, key } = await keyed('OWNER', ['admin']);
    expect(await caller.refusal(servers, { id: tenant.id })).toBeUndefined();
    expect(await tenant.owner.errorsOf('revokeApiKey', named(key))).toEqual([]);
    const refusal =
      kind === 'query'
        ? await caller.refusal(servers, { id: tenant.id })
        : await caller.mutationRefusal('createServer', newServer());
    expect(refusal).toBe('UNAUTHENTICATED KEY_REVOKED');
  });

  test('when it was deleted', async () => {
    const { caller, key } = await keyed('OWNER', ['admin']);
    expect(await tenant.owner.errorsOf('deleteApiKey', named(key))).toEqual([]);
    expect(await caller.refusal(servers, { id: tenant.id })).toBe('UNAUTHENTICATED KEY_UNKNOWN');
  });

  test('while its account is disabled', async () => {
    const { caller, account } = await keyed('OWNER', ['admin']);
    const update = (version: number, disabled: boolean) =>
      tenant.owner.errorsOf('updateServiceAccount', {
        ...{ organizationId: tenant.id, id: account.id, version, disabled },
      });
    expect(await update(1, true)).toEqual([]);
    expect(await caller.refusal(servers, { id: tenant.id })).toBe(
      'UNAUTHENTICATED KEY_ACCOUNT_DISABLED',
    );
    expect(await update(2, false)).toEqual([]);
    expect(await caller.refusal(servers, { id: tenant.id })).toBeUndefined();
  });

  test('when its time is over, and when its overlap is', async () => {
    const before = harness.clock.nowMs;
    const expiring = await keyed('OWNER', ['admin'], new Date(before + 60_000));
    const rotated = await keyed('OWNER', ['admin']);
    const rotation = { ...named(rotated.key), overlapSeconds: 60 };
    const { key } = await tenant.owner.mutate<{ key: string }>('rotateApiKey', rotation);
    for (const caller of [expiring.caller, rotated.caller, new Caller(replica, key)]) {
      expect(await caller.refusal(servers, { id: tenant.id })).toBeUndefined();
    }
    harness.clock.nowMs = before + 60_000;
    try {
      for (const { caller } of [expiring, rotated]) {
        expect(await caller.refusal(servers, { id: tenant.id })).toBe('TOKEN_EXPIRED KEY_EXPIRED');
      }
      expect(await new Caller(replica, key).refusal(servers, { id: tenant.id })).toBeUndefined();
    } finally {
      harness.clock.nowMs = before;
    }
  });

  test('when it has the id of one, but not its secret; an ended one is not told apart', async () => {
    const { text, key } = await keyed('OWNER', ['admin']);
    const foreign = newCredential('apiKey');
    expect(await new Caller(replica, foreign.text).refusal(servers, { id: tenant.id })).toBe(
      'UNAUTHENTICATED KEY_UNKNOWN',
    );
    await tenant.owner.errorsOf('revokeApiKey', named(key));
    const client = await harness.database.connect('system');
    await client.query('update api_keys set secret_hash = $1 where id = $2', [
      newCredential('apiKey').hash,
      key.id,
    ]);
    expect(await new Caller(replica, text).refusal(servers, { id: tenant.id })).toBe(
      'UNAUTHENTICATED KEY_UNKNOWN',
    );
  });

  test('for its checksum when it is mistyped, without a look-up', async () => {
    const { text } = await keyed('OWNER', ['admin']);
    const readSystem = jest.fn(async () => []);
    const store = { readSystem } as unknown as Parameters<typeof identifyKey>[0];
    for (let index = 'mcpgw_'.length; index < text.length; index += 1) {
      const other = text[index] === 'a' ? 'b' : 'a';
      const mistyped = text.slice(0, index) + other + text.slice(index + 1);
      expect(await identifyKey(store, mistyped, 0)).toBe('malformed');
    }
    expect(await identifyKey(store, text.slice(0, -1), 0)).toBe('malformed');
    expect(readSystem).not.toHaveBeenCalled();
    expect(await identifyKey(store, text, 0)).toBe('unknown');
    expect(readSystem).toHaveBeenCalledTimes(1);
    const cut = new Caller(replica, text.slice(0, -1));
    expect(await cut.refusal(servers, { id: tenant.id })).toBe('UNAUTHENTICATED KEY_MALFORMED');
  });
});

describe('what is left of a key’s use', () => {
  test('when it was last used, and an audit entry', async () => {
    const { caller, key } = await keyed('OWNER', ['admin:read']);
    await caller.query(servers, { id: tenant.id });
    await caller.query(servers, { id: tenant.id });
    const { apiKey } = await tenant.owner.query<{ apiKey: { lastUsedAt: string } }>(
      'query($o: ID!, $id: ID!) { apiKey(organizationId: $o, id: $id) { lastUsedAt version } }',
      { o: tenant.id, id: key.id },
    );
    expect(apiKey).toEqual({
      lastUsedAt: new Date(harness.clock.nowMs).toISOString(),
      version: key.version,
    });
    const client = await harness.database.connect('owner');
    const { rows } = await client.query(
      `select count(*)::int as entries from audit_logs where action = 'api_key.use' and target_id = $1`,
      [key.keyId],
    );
    expect(rows).toEqual([{ entries: 1 }]);
  });

  test('the account and the key as the actor of each change', async () => {
    const { caller, account, key } = await keyed('OWNER', ['admin']);
    const { server } = await caller.mutate<Answer<{ server: { id: string } }>>(
      'createServer',
      newServer(),
    );
    const client = await harness.database.connect('owner');
    const { rows } = await client.query(
      `select actor_kind, actor_id, actor_label, details->'credential' as credential from audit_logs
       where action = 'server.create' and target_id = $1`,
      [server.id],
    );
    expect(rows).toEqual([
      {
        ...{ actor_kind: 'service', actor_id: account.id, actor_label: account.name },
        credential: { kind: 'api_key', id: key.keyId },
      },
    ]);
  });
});

describe('a subscription by key', () => {
  const query = (id: string) => `subscription { serverChanged(organizationId: "${id}") { kind } }`;

  /** Events of a stream until it ends, each as it comes. */
  async function open(text: string): Promise<{
    next: () => Promise<string>;
    rest: () => Promise<string>;
  }> {
    const response = await fetch(`${replica.origin}/graphql/stream`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: `Bearer ${text}`,
      },
      body: JSON.stringify({ query: query(tenant.id) }),
    });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (reader === undefined) throw new Error(`${response.status}`);
    const next = async () => (await reader.read()).value ?? '';
    const rest = async () => {
      let all = '';
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        all += part.value;
      }
      return all;
    };
    return { next, rest };
  }

  const endings: readonly [
    string,
    (key: Awaited<ReturnType<typeof keyed>>) => Promise<unknown>,
    string,
  ][] = [
    ['is revoked', ({ key }) => tenant.owner.errorsOf('revokeApiKey', named(key)), 'KEY_REVOKED'],
    ['is deleted', ({ key }) => tenant.owner.errorsOf('deleteApiKey', named(key)), 'KEY_UNKNOWN'],
    [
      'loses its account',
      ({ account }) =>
        tenant.owner.errorsOf('updateServiceAccount', { ...named(account), disabled: true }),
      'KEY_ACCOUNT_DISABLED',
    ],
    [
      'loses its scope',
      ({ key }) => tenant.owner.errorsOf('updateApiKey', { ...named(key), scopes: ['mcp:*'] }),
      'INSUFFICIENT_SCOPE',
    ],
    [
      'loses its permission',
      ({ account }) =>
        tenant.owner.errorsOf('updateServiceAccount', { ...named(account), role: 'AGENT' }),
      'FORBIDDEN',
    ],
  ];

  test('ends when the overlap of a rotation does, although the key had no end before', async () => {
    const key = await keyed('ADMIN', ['admin:read']);
    const stream = await open(key.text);
    expect(await stream.next()).toBe(':\n\n');
    const before = harness.clock.nowMs;
    const rotation = { ...named(key.key), overlapSeconds: 1 };
    expect(await tenant.owner.errorsOf('rotateApiKey', rotation)).toEqual([]);
    harness.clock.nowMs = before + 1000;
    try {
      expect(await stream.rest()).toMatch(/(KEY|TOKEN)_EXPIRED/);
    } finally {
      harness.clock.nowMs = before;
    }
  });

  test.each(endings)('brings events, and ends when the key %s', async (_what, end, reason) => {
    const key = await keyed('ADMIN', ['admin:read']);
    const stream = await open(key.text);
    expect(await stream.next()).toBe(':\n\n');
    expect(await tenant.owner.errorsOf('createServer', newServer())).toEqual([]);
    expect(await stream.next()).toContain('SAVED');
    expect(await end(key)).toEqual([]);
    const rest = await stream.rest();
    expect(rest).toContain(reason);
    expect(rest).toContain('event: complete');
  });
});
