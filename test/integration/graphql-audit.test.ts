import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { OperatorAudit } from '../../control-plane/registry/operator-audit.ts';
import { Caller, Tenant, unique } from './automation-api.ts';
import {
  type GraphqlHarness,
  logIn,
  openHarness,
  operatorEmail,
  type Replica,
} from './graphql-harness.ts';
import {
  type Inbox,
  Subscribers,
  type SubscriptionTransport,
  subscriptionTransports,
  untilSubscribed,
} from './graphql-subscriber.ts';

interface Entry {
  readonly id: string;
  readonly sequence: number;
  readonly at: string;
  readonly action: string;
  readonly actorKind: string;
  readonly actorId: string;
  readonly credentialId: string | null;
  readonly clientAddress: string | null;
  readonly targetType: string;
  readonly targetId: string;
  readonly details: Record<string, unknown>;
  readonly privateDetails: Record<string, unknown> | null;
}

const fields =
  'id sequence at action actorKind actorId credentialId clientAddress targetType targetId details privateDetails';

let harness: GraphqlHarness;
let first: Replica;
let second: Replica;
let tenant: Tenant;
let operator: Caller;
const subscribers = new Subscribers();

beforeAll(async () => {
  harness = await openHarness();
  first = await harness.replica();
  second = await harness.replica();
  tenant = await Tenant.create(harness, first);
  operator = new Caller(first, await logIn(first, operatorEmail));
});

afterEach(async () => {
  await subscribers.end();
  await Promise.all([untilSubscribed(first, 0), untilSubscribed(second, 0)]);
});

afterAll(() => harness.close());

async function entries(filter: object = {}, id = tenant.id): Promise<Entry[]> {
  const data = await tenant.owner.query<{ organization: { auditEntries: { nodes: Entry[] } } }>(
    `query($id: ID!, $f: AuditFilter) { organization(id: $id) { auditEntries(first: 100, filter: $f) { nodes { ${fields} } } } }`,
    { id, f: filter },
  );
  return data.organization.auditEntries.nodes;
}

async function platformEntries(filter: object): Promise<Entry[]> {
  const data = await operator.query<{ platformAuditEntries: { nodes: Entry[] } }>(
    `query($f: AuditFilter) { platformAuditEntries(first: 100, filter: $f) { nodes { ${fields} } } }`,
    { f: filter },
  );
  return data.platformAuditEntries.nodes;
}

const newServer = (credential?: string) => ({
  ...{ organizationId: tenant.id, slug: unique('server'), name: 'Server' },
  endpoints: [{ url: 'http://10.0.0.1/mcp?api_key=url-secret' }],
  ...(credential && { credential: { header: 'authorization', value: credential } }),
});

describe('an administrative change', () => {
  test('leaves who did it, from where, by which session, and what was before and after', async () => {
    const { caller, userId } = await tenant.member({ role: 'ADMIN' });
    const created = await caller.mutate<{ server: { id: string; version: number } }>(
      'createServer',
      newServer(),
    );
    const { id } = created.server;
    const { version } = created.server;
    await caller.query(
      'mutation($i: UpdateServerInput!) { updateServer(input: $i) { userErrors { code } } }',
      { i: { organizationId: tenant.id, id, version, name: 'Renamed', enabled: false } },
    );
    const [updated, made] = await entries({ targetId: id });
    expect(updated).toMatchObject({
      ...{
        action: 'server.update',
        actorKind: 'USER',
        actorId: userId,
        clientAddress: '127.0.0.1',
      },
      credentialId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      details: {
        changed: ['name', 'enabled'],
        before: { name: 'Server', enabled: true },
        after: { name: 'Renamed', enabled: false },
      },
    });
    expect(made).toMatchObject({ action: 'server.create', actorId: userId });
    expect(made?.details['after']).toMatchObject({ name: 'Server', enabled: true });
    expect(JSON.stringify(made)).not.toContain('url-secret');
  });

  test('names a replaced secret as changed and shows it nowhere', async () => {
    const secret = `Bearer ${unique('very-secret')}`;
    const created = await tenant.owner.mutate<{ server: { id: string; version: number } }>(
      'createServer',
      newServer(secret),
    );
    const { id, version } = created.server;
    const credential = { header: 'authorization', value: `${secret}-2` };
    await tenant.owner.query(
      'mutation($i: UpdateServerInput!) { updateServer(input: $i) { userErrors { code } } }',
      { i: { organizationId: tenant.id, id, version, credential } },
    );
    const found = await entries({ targetId: id });
    expect(found[0]?.details).toMatchObject({
      changed: ['credential'],
      before: { credential: '[redacted]' },
      after: { credential: '[redacted]' },
    });
    expect(JSON.stringify(found)).not.toContain(secret);
  });

  test('that is refused for its input leaves no secret in the answer', async () => {
    const { slug: _, ...input } = newServer('Bearer echoed-secret');
    const reply = await first.post(
      'mutation($i: CreateServerInput!) { createServer(input: $i) { userErrors { code } } }',
      { i: input },
      tenant.owner.credential,
    );
    expect(reply.errors[0]?.message).toContain('"slug" of required type');
    expect(reply.text).not.toContain('echoed-secret');
    const literal = await first.post(
      'mutation { login(email: "a", password: { is: "echoed-secret" }) { accessToken } }',
    );
    expect(literal.errors.length).toBeGreaterThan(0);
    expect(literal.text).not.toContain('echoed-secret');
  });
});

describe('a refused attempt', () => {
  test('stands in the organization’s trail for a member, once, and repeats are counted', async () => {
    const replica = await harness.replica();
    const { caller, userId } = await tenant.member({ role: 'AUDITOR' });
    const auditor = new Caller(replica, caller.credential);
    for (let count = 0; count < 30; count += 1) {
      expect(await auditor.mutationRefusal('createServer', newServer())).toBe('FORBIDDEN');
    }
    const before = await entries({ actorId: userId, action: 'access.refused' });
    expect(before).toHaveLength(1);
    expect(before[0]).toMatchObject({
      ...{ targetType: 'operation', targetId: 'Mutation.createServer', clientAddress: '127.0.0.1' },
      details: { permission: 'servers.write', organizationId: tenant.id },
    });
    await replica.close();
    const after = await entries({ actorId: userId, action: 'access.refused' });
    expect(after.map(({ details }) => details['repeats'])).toEqual([29, undefined]);
  });

  test('stands in the platform’s trail for a stranger, who learns nothing', async () => {
    const other = await Tenant.create(harness, first);
    const { caller, userId } = await other.member({ role: 'OWNER' });
    expect(await caller.mutationRefusal('createServer', newServer())).toBe('NOT_FOUND');
    const found = await platformEntries({ actorId: userId, action: 'access.refused' });
    expect(found).toHaveLength(1);
    expect(found[0]?.details).toMatchObject({ organizationId: tenant.id });
    expect(await entries({ actorId: userId })).toEqual([]);
  });

  test('of many kinds can’t flood a chain', async () => {
    const { caller, userId } = await tenant.member({ role: 'AGENT' });
    const replica = await harness.replica();
    const agent = new Caller(replica, caller.credential);
    const field = 'servers { nodes { id } }';
    for (let count = 0; count < 30; count += 1) {
      const id = crypto.randomUUID();
      await agent.refusal('query($i: ID!, $o: ID!) { server(organizationId: $o, id: $i) { id } }', {
        ...{ i: id, o: id },
      });
    }
    await agent.refusal(`query($id: ID!) { organization(id: $id) { ${field} } }`, {
      id: tenant.id,
    });
    await replica.close();
    const found = await platformEntries({ actorId: userId, action: 'access.refused' });
    expect(found.length).toBeLessThanOrEqual(22);
    expect(found.some(({ targetId }) => targetId === 'various')).toBe(true);
  });
});

describe('an API key', () => {
  test('that reads leaves one entry; one that changes something is named in the entry', async () => {
    const account = await tenant.account({ role: 'DEVELOPER' });
    const key = await tenant.key(account.id, { scopes: ['admin'] });
    const caller = new Caller(first, key.text);
    for (let count = 0; count < 5; count += 1)
      await caller.query('{ viewer { serviceAccountId } }');
    const { server } = await caller.mutate<{ server: { id: string } }>('createServer', newServer());
    const uses = await entries({ action: 'api_key.use', actorId: account.id });
    expect(uses).toHaveLength(1);
    expect(uses[0]).toMatchObject({
      ...{ actorKind: 'SERVICE', credentialId: key.record.keyId, clientAddress: '127.0.0.1' },
    });
    const [made] = await entries({ targetId: server.id });
    expect(made).toMatchObject({ actorId: account.id, credentialId: key.record.keyId });
    const named = await entries({ id: key.record.keyId });
    expect(new Set(named.map(({ action }) => action))).toEqual(
      new Set(['api_key.use', 'server.create']),
    );
  });
});

describe('an operator who is no member', () => {
  const read =
    'query($id: ID!) { organization(id: $id) { members(first: 1) { nodes { userId } } } }';

  test('is named in the trail of an organization whose members they read, once an hour', async () => {
    const other = await Tenant.create(harness, first);
    const visits = async (): Promise<Entry[]> => {
      const data = await other.owner.query<{ organization: { auditEntries: { nodes: Entry[] } } }>(
        `query($id: ID!, $f: AuditFilter) { organization(id: $id) { auditEntries(first: 100, filter: $f) { nodes { ${fields} } } } }`,
        { id: other.id, f: { action: 'operator.access' } },
      );
      return data.organization.auditEntries.nodes;
    };
    // Who made it was its owner then, and has removed themselves.
    expect(await visits()).toEqual([]);
    for (let count = 0; count < 3; count += 1) await operator.query(read, { id: other.id });
    const operatorId = harness.platform.operator.id;
    expect(await visits()).toEqual([
      expect.objectContaining({
        ...{ actorKind: 'USER', actorId: operatorId, clientAddress: '127.0.0.1' },
        ...{ targetType: 'organization', targetId: other.id },
      }),
    ]);
    const clock = { nowMs: 0 };
    const another = new OperatorAudit({ store: harness.store, now: () => clock.nowMs });
    const actor = { kind: 'user', id: operatorId, clientAddress: '198.51.100.1' } as const;
    for (const [nowMs, count] of [
      [0, 2],
      [3_599_999, 2],
      [3_600_000, 3],
    ] as const) {
      clock.nowMs = nowMs;
      await another.entered(actor, other.id);
      expect(await visits()).toHaveLength(count);
    }
  });

  test('leaves nothing for an organization that they made up', async () => {
    const organizationId = randomUUID();
    const input = { organizationId, email: 'nobody@example.com', role: 'AGENT' };
    expect(await operator.errorsOf('inviteMember', input)).toEqual(['organizationId NOT_FOUND']);
    const rows = await harness.store.withSystem((em) =>
      em.execute('select 1 from audit_logs where organization_id = ?', [organizationId]),
    );
    expect(rows).toEqual([]);
  });
});

describe('the trail', () => {
  test('is read by action, actor, target, time and any id that it names', async () => {
    const { caller, userId } = await tenant.member({ role: 'ADMIN' });
    const from = new Date(harness.clock.nowMs - 3_600_000).toISOString();
    const { server } = await caller.mutate<{ server: { id: string } }>('createServer', newServer());
    const [entry] = await entries({ targetId: server.id });
    const ids = async (filter: object) => (await entries(filter)).map(({ id }) => id);
    for (const filter of [
      { action: 'server.create' },
      { actorId: userId },
      { actorKind: 'USER', targetType: 'server' },
      { id: server.id },
      { id: userId },
      { id: entry?.id },
      { id: entry?.credentialId },
      { from, targetId: server.id },
    ]) {
      expect(await ids(filter)).toContain(entry?.id);
    }
    for (const filter of [
      { action: 'server.delete' },
      { actorKind: 'SERVICE', targetId: server.id },
      { before: from },
      { id: crypto.randomUUID() },
      { id: '\0' },
    ]) {
      expect(await ids(filter)).not.toContain(entry?.id);
    }
  });
});

const follow = (id: string, filter = '') =>
  `subscription { auditEntryAdded(organizationId: "${id}"${filter}) { sequence action targetId } }`;

function actions(inbox: Inbox): unknown[] {
  return inbox.items.map(
    ({ data }) => (data?.['auditEntryAdded'] as { action?: string } | undefined)?.action,
  );
}

describe('following the trail', () => {
  test.each(subscriptionTransports)(
    'shows each entry once, over %s on both replicas',
    async (transport) => {
      const { credential } = tenant.owner;
      const all = subscribers.open(transport, first, follow(tenant.id), credential);
      const some = subscribers.open(
        transport,
        second,
        follow(tenant.id, ', filter: { action: "custom_role.create" }'),
        credential,
      );
      await Promise.all([untilSubscribed(first, 1), untilSubscribed(second, 1)]);
      await tenant.owner.mutate('createServer', newServer());
      await tenant.role(['SERVERS_READ']);
      await tenant.owner.mutate('createServer', newServer());
      await all.has(3);
      await some.has(1);
      expect(actions(all)).toEqual(['server.create', 'custom_role.create', 'server.create']);
      expect(actions(some)).toEqual(['custom_role.create']);
    },
  );

  test('shows nothing of another organization', async () => {
    const other = await Tenant.create(harness, first);
    const inbox = subscribers.open('websocket', first, follow(other.id), other.owner.credential);
    await untilSubscribed(first, 1);
    await tenant.owner.mutate('createServer', newServer());
    const { id } = await other.role(['SERVERS_READ']);
    await inbox.has(1);
    expect(inbox.items).toMatchObject([{ data: { auditEntryAdded: { targetId: id } } }]);
  });
});

describe('a subscription ends at once, with a clear error, when', () => {
  interface Follower {
    readonly userId: string;
    readonly caller: Caller;
  }
  const version = 1;
  const ends: readonly (readonly [string, string, (follower: Follower) => Promise<unknown>])[] = [
    [
      'the role is taken away',
      'FORBIDDEN',
      ({ userId }) =>
        tenant.owner.mutate('updateMember', {
          ...{ organizationId: tenant.id, userId, version, role: 'AGENT' },
        }),
    ],
    [
      'the membership ends',
      'FORBIDDEN',
      ({ userId }) =>
        tenant.owner.mutate('removeMember', { organizationId: tenant.id, userId, version }),
    ],
    [
      'the person is disabled',
      'UNAUTHENTICATED',
      ({ userId }) =>
        operator.query(
          'mutation($i: UpdateUserInput!) { updateUser(input: $i) { userErrors { code } } }',
          { i: { id: userId, version, disabled: true } },
        ),
    ],
    [
      'the session is ended',
      'UNAUTHENTICATED',
      ({ userId }) =>
        operator.query(
          'mutation($i: EndUserSessionsInput!) { endUserSessions(input: $i) { userErrors { code } } }',
          { i: { userId } },
        ),
    ],
    [
      'the person logs out',
      'UNAUTHENTICATED',
      ({ caller }) => caller.query('mutation { logout { userErrors { code } } }'),
    ],
  ];

  async function expectEnd(inboxes: readonly Inbox[], code: string): Promise<void> {
    for (const inbox of inboxes) {
      const reason = await inbox.ended;
      expect(JSON.stringify([reason, inbox.items])).toContain(`"code":"${code}"`);
    }
  }

  test.each(ends)('%s', async (_what, code, end) => {
    const follower = await tenant.member({ role: 'AUDITOR' });
    const open = (transport: SubscriptionTransport, replica: Replica) =>
      subscribers.open(transport, replica, follow(tenant.id), follower.caller.credential);
    const inboxes = [open('websocket', first), open('sse', second)];
    await Promise.all([untilSubscribed(first, 1), untilSubscribed(second, 1)]);
    await end(follower);
    await expectEnd(inboxes, code);
  });

  test('its custom role loses the permission', async () => {
    const role = await tenant.role(['AUDIT_READ', 'SERVERS_READ']);
    const { caller } = await tenant.member({ customRoleId: role.id });
    const inboxes = subscriptionTransports.map((transport) =>
      subscribers.open(transport, first, follow(tenant.id), caller.credential),
    );
    await untilSubscribed(first, 2);
    await tenant.owner.mutate('updateCustomRole', {
      ...{ organizationId: tenant.id, id: role.id, version: role.version },
      permissions: ['SERVERS_READ'],
    });
    await expectEnd(inboxes, 'FORBIDDEN');
  });

  test('its API key is revoked', async () => {
    const account = await tenant.account({ role: 'AUDITOR' });
    const key = await tenant.key(account.id, { scopes: ['admin'] });
    const inboxes = subscriptionTransports.map((transport) =>
      subscribers.open(transport, first, follow(tenant.id), key.text),
    );
    await untilSubscribed(first, 2);
    const { id, version: keyVersion } = key.record;
    await tenant.owner.mutate('revokeApiKey', {
      ...{ organizationId: tenant.id, id, version: keyVersion },
    });
    await expectEnd(inboxes, 'UNAUTHENTICATED');
  });
});
