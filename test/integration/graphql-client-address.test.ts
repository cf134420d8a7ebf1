import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWebsocketClient } from 'graphql-ws';
import { fetch } from 'undici';
import { WebSocket } from 'ws';
import { login, makeUser, trustsTheTest } from '../support/people.ts';
import {
  type GraphqlHarness,
  logIn,
  openHarness,
  operatorEmail,
  password,
  type Replica,
} from './graphql-harness.ts';
import { Inbox, type SubscriptionTransport, subscriptionTransports } from './graphql-subscriber.ts';

const claimed = '203.0.113.9';

let harness: GraphqlHarness;
let trusting: Replica;
let distrusting: Replica;
let operatorToken: string;
let people = 0;
const disposals: (() => unknown)[] = [];

beforeAll(async () => {
  harness = await openHarness();
  trusting = await harness.replica({ settings: trustsTheTest });
  distrusting = await harness.replica();
  operatorToken = await logIn(trusting, operatorEmail);
});

afterEach(async () => {
  for (const dispose of disposals.splice(0)) await dispose();
});

afterAll(async () => {
  await harness.close();
});

/** Subscribes through what calls itself a proxy. */
function subscribe(transport: SubscriptionTransport, replica: Replica, token: string): Inbox {
  const inbox = new Inbox();
  const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': claimed };
  const query = `subscription { auditEntryAdded(organizationId: "${harness.platform.organization.id}") { id } }`;
  if (transport === 'sse') {
    const url = `${replica.origin}/graphql/stream`;
    const client = createSseClient({ url, headers, retryAttempts: 0, fetchFn: fetch });
    disposals.push(() => client.dispose());
    client.subscribe({ query }, inbox.sink);
    return inbox;
  }
  class ProxiedWebSocket extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols, { headers });
    }
  }
  const client = createWebsocketClient({
    url: replica.url.replace('http', 'ws'),
    webSocketImpl: ProxiedWebSocket,
    retryAttempts: 0,
  });
  disposals.push(() => client.dispose());
  client.subscribe({ query }, inbox.sink);
  return inbox;
}

/** Where the audit trail says that a stranger's refused subscription came from. */
async function refusedFrom(transport: SubscriptionTransport, replica: Replica): Promise<unknown> {
  people += 1;
  const email = `stranger-${people}@example.com`;
  const userId = await makeUser({ url: trusting.url, token: operatorToken }, email, password);
  const { accessToken } = await login({ url: trusting.url }, email, password);
  const inbox = subscribe(transport, replica, accessToken);
  await inbox.ended;
  const rows = await harness.store.withSystem((em) =>
    em.execute<{ address: string | null }[]>(
      `select private_details ->> 'clientAddress' as address from audit_logs
       where action = 'access.refused' and actor_id = ?`,
      [userId],
    ),
  );
  return rows.map(({ address }) => address);
}

describe.each(subscriptionTransports)('over %s, an audit entry tells', (transport) => {
  test('what a trusted proxy says of the client', async () => {
    expect(await refusedFrom(transport, trusting)).toEqual([claimed]);
  });

  test('the peer, whatever it says, when it is no trusted proxy', async () => {
    expect(await refusedFrom(transport, distrusting)).toEqual(['127.0.0.1']);
  });
});
