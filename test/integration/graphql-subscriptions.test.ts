import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Client as PgClient } from 'pg';
import { fetch } from 'undici';
import { WebSocket } from 'ws';
import { createOrganization } from '../../control-plane/identity/organizations.ts';
import { createPasswordDesk } from '../../control-plane/identity/password-desk.ts';
import { createUser } from '../../control-plane/identity/users.ts';
import { createPolicy, deletePolicy, movePolicy } from '../../control-plane/policy/policies.ts';
import { createServer, deleteServer, updateServer } from '../../control-plane/registry/servers.ts';
import { policyFields } from '../support/policy-fields.ts';
import {
  type GraphqlHarness,
  logIn,
  openHarness,
  operatorEmail,
  password,
  type Replica,
} from './graphql-harness.ts';
import {
  Inbox,
  Subscribers,
  type SubscriptionTransport,
  untilSubscribed,
} from './graphql-subscriber.ts';

let harness: GraphqlHarness;
let first: Replica;
let second: Replica;
let token: string;
let demo: string;
let writer: PgClient;
const subscribers = new Subscribers();

beforeAll(async () => {
  harness = await openHarness();
  first = await harness.replica();
  second = await harness.replica();
  token = await logIn(first, operatorEmail);
  demo = harness.platform.organization.id;
  writer = await harness.database.connect('system');
});

beforeEach(async () => {
  await subscribers.end();
  await Promise.all([untilSubscribed(first, 0), untilSubscribed(second, 0)]);
});

afterAll(async () => {
  await subscribers.end();
  await harness.close();
});

const websocketClient = (replica: Replica, accessToken = token) =>
  subscribers.websocketClient(replica, accessToken);

function subscribe(
  transport: SubscriptionTransport,
  replica: Replica,
  query: string,
  accessToken = token,
): Inbox {
  return subscribers.open(transport, replica, query, accessToken);
}

const insertLog = `insert into request_logs
  (id, organization_id, received_at, node_id, call_id, phase, started_at, method, target, decision)
  values ($1, $2, now(), $1, $1, 'complete', now(), 'tools/call', $3, 'allowed')`;

async function insert(client: PgClient, organizationId: string, target: string): Promise<void> {
  await client.query(insertLog, [randomUUID(), organizationId, target]);
}

async function notify(client: PgClient, organizationId: string): Promise<void> {
  await client.query('select pg_notify($1, $2)', ['mcpgw_request_logs', organizationId]);
}

function targets(inbox: Inbox): unknown[] {
  return inbox.items.map(
    (item) => (item.data?.['requestLogAdded'] as { target?: string } | undefined)?.target,
  );
}

const logs = (id: string, filter = '') =>
  `subscription { requestLogAdded(organizationId: "${id}"${filter}) { target method } }`;

describe('request logs', () => {
  test.each<SubscriptionTransport>(['websocket', 'sse'])(
    'arrive over %s on both replicas, each once, in order',
    async (transport) => {
      await insert(writer, demo, 'before');
      const inboxes = [
        subscribe(transport, first, logs(demo)),
        subscribe(transport, second, logs(demo)),
      ];
      await Promise.all([untilSubscribed(first, 1), untilSubscribed(second, 1)]);
      for (const target of ['a', 'b', 'c']) await insert(writer, demo, target);
      await notify(writer, demo);
      await Promise.all(inboxes.map((inbox) => inbox.has(3)));
      for (const target of ['d', 'e']) await insert(writer, demo, target);
      await notify(writer, demo);
      await Promise.all(inboxes.map((inbox) => inbox.has(5)));
      for (const inbox of inboxes) {
        expect(targets(inbox).sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
        inbox.dispose();
      }
      await Promise.all([untilSubscribed(first, 0), untilSubscribed(second, 0)]);
    },
  );

  test('that commit out of order are neither lost nor doubled', async () => {
    const inbox = subscribe('websocket', first, logs(demo));
    await untilSubscribed(first, 1);
    const slow = await harness.database.connect('system');
    await slow.query('begin');
    await slow.query('savepoint part');
    await insert(slow, demo, 'slow');
    await slow.query('release savepoint part');
    await insert(writer, demo, 'quick-1');
    await notify(writer, demo);
    await inbox.has(1);
    await insert(writer, demo, 'quick-2');
    await notify(writer, demo);
    await inbox.has(2);
    await slow.query('commit');
    await notify(writer, demo);
    await inbox.has(3);
    await insert(writer, demo, 'last');
    await notify(writer, demo);
    await inbox.has(4);
    expect(targets(inbox)).toEqual(['quick-1', 'quick-2', 'slow', 'last']);
  });

  test('come by filter and never from another organization', async () => {
    const other = await createOrganization(
      harness.store,
      { kind: 'system', id: 'test' },
      {
        slug: 'other',
        name: 'Other',
        enabled: true,
        mustAudit: false,
        allowedOrigins: [],
        ownerId: harness.platform.operator.id,
      },
    );
    if (!other.ok) throw new Error('not created');
    const inbox = subscribe('websocket', first, logs(demo, ', filter: { target: "wanted" }'));
    await untilSubscribed(first, 1);
    await insert(writer, other.value.id, 'wanted');
    await insert(writer, demo, 'unwanted');
    await insert(writer, demo, 'wanted');
    await notify(writer, '');
    await inbox.has(1);
    await insert(writer, demo, 'wanted');
    await notify(writer, demo);
    await inbox.has(2);
    expect(targets(inbox)).toEqual(['wanted', 'wanted']);
  });

  test('of an organization that the subscriber is no member of are refused as absent', async () => {
    const passwords = createPasswordDesk({ concurrencyMax: 1, waitingMax: 1 });
    const email = 'stranger@example.com';
    await createUser(
      { store: harness.store, passwords },
      { kind: 'system', id: 'test' },
      { email, displayName: 'Stranger', password },
    );
    const stranger = await logIn(first, email);
    for (const transport of ['websocket', 'sse'] as const) {
      const answers: unknown[] = [];
      for (const id of [demo, '01900000-0000-7000-8000-000000000000']) {
        const inbox = subscribe(transport, first, logs(id), stranger);
        await inbox.has(1);
        answers.push(inbox.items.map(({ errors }) => errors?.map((error) => error.extensions)));
      }
      expect(answers[0]).toEqual([[{ code: 'NOT_FOUND' }]]);
      expect(answers[1]).toEqual(answers[0]);
    }
  });

  test('end with the token', async () => {
    for (const transport of ['websocket', 'sse'] as const) {
      const inbox = subscribe(transport, first, logs(demo));
      await untilSubscribed(first, 1);
      const before = harness.clock.nowMs;
      harness.clock.nowMs += 16 * 60 * 1000;
      await insert(writer, demo, 'late');
      await notify(writer, demo);
      const reason = await inbox.ended;
      harness.clock.nowMs = before;
      expect(JSON.stringify([reason, inbox.items])).toContain('TOKEN_EXPIRED');
      await untilSubscribed(first, 0);
    }
  });

  test('more than a subscriber may be behind end with a clear error', async () => {
    const small = await harness.replica({ bounds: { backlogMax: 10 } });
    const inbox = subscribe('websocket', small, logs(demo));
    await untilSubscribed(small, 1);
    await writer.query('begin');
    for (let count = 0; count < 30; count += 1) await insert(writer, demo, `burst-${count}`);
    await writer.query('commit');
    await notify(writer, demo);
    expect(JSON.stringify(await inbox.ended)).toContain('SUBSCRIPTION_LAGGED');
  });
});

describe('changes', () => {
  test('of servers come with their revisions, on the other replica too', async () => {
    const inbox = subscribe(
      'sse',
      second,
      `subscription { serverChanged(organizationId: "${demo}") { kind serverId revision server { name } } }`,
    );
    await untilSubscribed(second, 1);
    const deps = {
      store: harness.store,
      masterKeys: harness.database.masterKeys,
      addressRules: { privateAddressesAllowed: true },
    };
    const actor = { kind: 'system', id: 'test' } as const;
    const created = await createServer(deps, actor, {
      organizationId: demo,
      slug: 'followed',
      name: 'One',
      description: '',
      enabled: true,
      transport: 'streamable-http',
      era: null,
      endpoints: [{ url: 'http://10.0.0.1/mcp', weight: 1 }],
      labels: [],
      documentationUrl: null,
      connectTimeoutMs: null,
      requestTimeoutMs: null,
    });
    if (!created.ok) throw new Error('not created');
    await inbox.has(1);
    const { id } = created.value.server;
    const updated = await updateServer(deps, actor, {
      organizationId: demo,
      id,
      version: 1,
      name: 'Two',
    });
    await inbox.has(2);
    await deleteServer(harness.store, actor, { organizationId: demo, id, version: 2 });
    await inbox.has(3);
    expect(updated.ok).toBe(true);
    expect(inbox.items.map((item) => item.data?.['serverChanged'])).toEqual([
      { kind: 'SAVED', serverId: id, revision: created.value.revision, server: { name: 'One' } },
      {
        kind: 'SAVED',
        serverId: id,
        revision: updated.ok ? updated.value.revision : 0,
        server: { name: 'Two' },
      },
      { kind: 'DELETED', serverId: id, revision: expect.any(Number), server: null },
    ]);
  });

  test('of policies come with their revisions, moves among them', async () => {
    const inbox = subscribe(
      'sse',
      second,
      `subscription { policyChanged(organizationId: "${demo}") { kind policyId revision policy { revision position } } }`,
    );
    await untilSubscribed(second, 1);
    const { store } = harness;
    const deps = { store, policiesMax: 10, now: Date.now };
    const actor = { kind: 'system', id: 'test' } as const;
    const fields = { organizationId: demo, ...policyFields() };
    const created = await createPolicy(deps, actor, fields);
    if (!created.ok) throw new Error('not created');
    await inbox.has(1);
    const { id, position } = created.value.policy;
    await createPolicy(deps, actor, { ...fields, name: 'another' });
    await inbox.has(2);
    const policy = { organizationId: demo, id, version: 1 };
    await movePolicy(deps, actor, { ...policy, place: { kind: 'last' } });
    await inbox.has(3);
    await deletePolicy(deps, actor, { ...policy, version: 2 });
    await inbox.has(4);
    const changes = inbox.items.map((item) => item.data?.['policyChanged']);
    const { revision } = created.value;
    const saved = { kind: 'SAVED', policyId: id };
    expect(changes[0]).toEqual({ ...saved, revision, policy: { revision: 1, position } });
    expect(changes[2]).toMatchObject({ ...saved, policy: { revision: 1 } });
    expect(changes[2]).not.toMatchObject({ policy: { position } });
    expect(changes[3]).toMatchObject({ kind: 'DELETED', policyId: id, policy: null });
  });

  test('of nodes come with their latest state', async () => {
    const inbox = subscribe('websocket', second, 'subscription { nodeChanged { name connected } }');
    await untilSubscribed(second, 1);
    const id = randomUUID();
    await writer.query(
      `insert into nodes (id, node_group_id, name) select $1, id, 'followed' from node_groups`,
      [id],
    );
    await writer.query('select pg_notify($1, $2)', ['mcpgw_nodes', '']);
    await inbox.has(1);
    await writer.query('update nodes set connected = true, updated_at = now() where id = $1', [id]);
    await writer.query('select pg_notify($1, $2)', ['mcpgw_nodes', '']);
    await inbox.has(2);
    expect(inbox.items.map((item) => item.data?.['nodeChanged'])).toEqual([
      { name: 'followed', connected: false },
      { name: 'followed', connected: true },
    ]);
  });
});

describe('bounds of subscriptions', () => {
  test('51 on one connection are one too many', async () => {
    const client = websocketClient(first);
    const inboxes = Array.from({ length: 50 }, () => {
      const inbox = new Inbox();
      client.subscribe({ query: logs(demo) }, inbox.sink);
      return inbox;
    });
    await untilSubscribed(first, 50);
    const extra = new Inbox();
    client.subscribe({ query: logs(demo) }, extra.sink);
    expect(JSON.stringify(await extra.ended)).toContain('TOO_MANY_SUBSCRIPTIONS');
    await insert(writer, demo, 'to-all');
    await notify(writer, demo);
    await Promise.all(inboxes.map((inbox) => inbox.has(1)));
    await client.dispose();
    await untilSubscribed(first, 0);
  });

  test('a replica’s own bound holds over all connections', async () => {
    const small = await harness.replica({ bounds: { subscriptionsMax: 1 } });
    const inbox = subscribe('sse', small, logs(demo));
    await untilSubscribed(small, 1);
    const extra = subscribe('websocket', small, logs(demo));
    await extra.has(1);
    expect(JSON.stringify(extra.items)).toContain('TOO_MANY_SUBSCRIPTIONS');
    inbox.dispose();
    await untilSubscribed(small, 0);
  });

  test.each([
    ['OPERATION_TOO_COSTLY', logs('x'), { costMax: 1 }],
    ['OPERATION_TOO_DEEP', logs('x'), { depthMax: 1 }],
    ['TOO_MANY_TOKENS', logs('x'), { tokensMax: 3 }],
    [
      'TOO_MANY_ALIASES',
      'subscription { requestLogAdded(organizationId: "x") { a: id b: id } }',
      { aliasesMax: 1 },
    ],
    ['GRAPHQL_VALIDATION_FAILED', 'subscription { nothing }', {}],
    ['GRAPHQL_PARSE_FAILED', 'subscription {', {}],
    ['OPERATION_NOT_SUPPORTED', '{ viewer { user { id } } }', {}],
  ])('%s is answered alike over both transports', async (code, query, bounds) => {
    const strict = await harness.replica({ bounds });
    const overWebsocket = subscribe('websocket', strict, query);
    expect(JSON.stringify(await overWebsocket.ended)).toContain(code);
    const response = await fetch(`${strict.origin}/graphql/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query }),
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(code);
    await strict.close();
  });

  test('without a token no WebSocket is kept and no stream is opened', async () => {
    const client = websocketClient(first, 'nonsense');
    const inbox = new Inbox();
    client.subscribe({ query: logs(demo) }, inbox.sink);
    expect(await inbox.ended).toMatchObject({ code: 4403 });
    const response = await fetch(`${first.origin}/graphql/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: logs(demo) }),
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('UNAUTHENTICATED');
  });

  test('a page of another origin can’t open a WebSocket', async () => {
    const socket = new WebSocket(first.url.replace('http', 'ws'), 'graphql-transport-ws', {
      headers: { origin: 'https://evil.example' },
    });
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
      socket.on('error', () => undefined);
    });
    expect(status).toBe(403);
  });

  test('a server that closes ends its subscriptions', async () => {
    const leaving = await harness.replica();
    const inboxes = [
      subscribe('websocket', leaving, logs(demo)),
      subscribe('sse', leaving, logs(demo)),
    ];
    await untilSubscribed(leaving, 2);
    await leaving.close();
    const reasons = await Promise.all(inboxes.map((inbox) => inbox.ended));
    expect(reasons[0]).toMatchObject({ code: 1001 });
    expect(reasons[1]).toBe('complete');
  });
});
