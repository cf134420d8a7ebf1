import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ApiKeyEntry } from '../../data-plane/snapshot/snapshot.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import {
  answerResult,
  modernRequest,
  type ProxyUpstream,
  type SeenRequest,
  startProxyUpstream,
} from '../support/proxy-upstream.ts';
import { issuerEntry, issuerResource, TokenSigner } from '../support/token-issuer.ts';

const nowMs = 1_800_000_000_000;
const listen = { notifications: { toolsListChanged: true } };
const ping = { jsonrpc: '2.0', id: 7, method: 'ping' };
const slowCall = (id: unknown) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'slow', arguments: {} },
});
const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'c', version: '1' },
  },
};

let node: ProxyHarness;
let upstream: ProxyUpstream;
let legacy: string;
let modern: string;
let clockMs: number;
let viewAgeMs: number | undefined;
/** Answers of the upstream that are open. */
let open: ServerResponse[];
let answer: (request: SeenRequest, response: ServerResponse) => void;

function beginEvents(_request: SeenRequest, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(': open\n\n');
  open.push(response);
}

/** Answers what is not meant to stay open. */
function respond(request: SeenRequest, response: ServerResponse): void {
  if (request.body.includes('"initialize"')) {
    response.setHeader('mcp-session-id', 'upstream-session');
    answerResult(request, response, { protocolVersion: '2025-11-25', capabilities: {} });
  } else if (request.body.includes('"notifications/')) {
    response.writeHead(202).end();
  } else if (request.body.includes('"ping"')) {
    answerResult(request, response, {});
  } else {
    answer(request, response);
  }
}

beforeEach(async () => {
  clockMs = nowMs;
  viewAgeMs = 0;
  open = [];
  answer = beginEvents;
  upstream = await startProxyUpstream(respond);
  node = await new ProxyHarness({
    nowMs: () => clockMs,
    viewAgeMs: () => viewAgeMs,
  }).start();
  legacy = node.serve('legacy', upstream.url, { era: 'legacy' });
  modern = node.serve('modern', upstream.url, { era: 'modern' });
});

afterEach(async () => {
  await node.close();
  await upstream.close();
});

function key(): ApiKeyEntry {
  const [entry] = node.snapshot.apiKeys.values();
  if (entry === undefined) throw new Error('There is no key.');
  return entry;
}

function changeKey(fields: Partial<ApiKeyEntry>): void {
  node.snapshot.apiKeys.set(key().keyId, { ...key(), ...fields });
}

function removeKey(): void {
  node.snapshot.apiKeys.delete(key().keyId);
}

function post(url: string, message: object, headers: Record<string, string> = {}) {
  return node.post(url, message, headers);
}

function postModern(method: string, params: object, headers: Record<string, string> = {}) {
  const request = modernRequest(method, { ...params }, 'call-1');
  return node.post(modern, request.message, { ...request.headers, ...headers });
}

async function beginSession(): Promise<Record<string, string>> {
  const response = await post(legacy, initialize);
  await response.text();
  const session = response.headers.get('mcp-session-id') ?? '';
  return { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' };
}

/** Data of the events of an answer that has ended. */
async function eventsOf(response: Response): Promise<unknown[]> {
  const text = await response.text();
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice('data: '.length)));
}

/** Resolves when the upstream's leg is gone. */
function closed(response: ServerResponse | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (response === undefined || response.destroyed) resolve();
  else response.on('close', () => resolve());
  return promise;
}

async function seen(match: (request: SeenRequest) => boolean): Promise<SeenRequest> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const found = upstream.seen.find(match);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('The upstream has not seen it.');
}

describe('when its key is revoked', () => {
  test('a legacy event stream ends in order, and its client is told at the door', async () => {
    const session = await beginSession();
    const stream = await fetch(legacy, { headers: { ...node.headers(), ...session } });
    expect(stream.status).toBe(200);
    removeKey();
    node.publish();
    expect(await stream.text()).toBe(': open\n\n');
    await closed(open[0]);
    expect(node.recorder.records.at(-1)).toMatchObject({
      phase: 'CALL_PHASE_END',
      method: 'GET',
      decision: 'DECISION_FAILED',
      reason: 'credential_revoked',
      outcome: 'revoked',
    });
    const again = await fetch(legacy, { headers: { ...node.headers(), ...session } });
    expect(again.status).toBe(401);
    expect(again.headers.get('www-authenticate')).toContain('invalid_token');
  });

  test('a legacy call gets an error in its stream, and the upstream is told that nobody waits', async () => {
    const session = await beginSession();
    const response = await post(legacy, slowCall(12345678901), session);
    removeKey();
    node.publish();
    expect(await eventsOf(response)).toMatchObject([
      { id: 12345678901, error: { code: -31433, data: { reason: 'credential_revoked' } } },
    ]);
    const cancelled = await seen(({ body }) => body.includes('notifications/cancelled'));
    expect(JSON.parse(cancelled.body)).toMatchObject({ params: { requestId: 12345678901 } });
    expect(cancelled.headers['mcp-session-id']).toBe('upstream-session');
    expect(node.recorder.records.at(-1)).toMatchObject({
      method: 'tools/call',
      decision: 'DECISION_FAILED',
      reason: 'credential_revoked',
      rpcErrorCode: -31433,
      outcome: 'revoked',
    });
  });

  test('a call that the upstream has not answered is answered with 401, and cancelled', async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    answer = (_request, response) => asked.resolve(response);
    const session = await beginSession();
    const pending = post(legacy, slowCall('a'), session);
    const upstreamLeg = await asked.promise;
    removeKey();
    node.publish();
    const response = await pending;
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(await response.json()).toMatchObject({
      id: 'a',
      error: { data: { reason: 'credential_revoked' } },
    });
    await closed(upstreamLeg);
    await seen(({ body }) => body.includes('notifications/cancelled'));
  });

  test('a handshake is never cancelled', async () => {
    const begun = Promise.withResolvers<void>();
    await upstream.close();
    upstream = await startProxyUpstream(() => begun.resolve());
    const url = node.serve('silent', upstream.url, { era: 'legacy' });
    const pending = post(url, initialize);
    await begun.promise;
    removeKey();
    node.publish();
    expect((await pending).status).toBe(401);
    expect(upstream.seen).toHaveLength(1);
  });

  test.each([
    ['tools/call', { name: 'slow', arguments: {} }],
    ['subscriptions/listen', listen],
  ])(
    'a modern %s gets an error, and its upstream sees the stream close',
    async (method, params) => {
      const response = await postModern(method, params);
      removeKey();
      node.publish();
      expect(await eventsOf(response)).toMatchObject([
        { id: 'call-1', error: { code: -31433, data: { reason: 'credential_revoked' } } },
      ]);
      await closed(open[0]);
      expect(upstream.seen).toHaveLength(1);
      expect(node.recorder.records.at(-1)).toMatchObject({
        decision: 'DECISION_FAILED',
        reason: 'credential_revoked',
        outcome: 'revoked',
      });
    },
  );

  test('a body that is no stream of events is cut off', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"jsonrpc":"2.0","id":"call-1","result":{"text":"');
      open.push(response);
    };
    const response = await postModern('tools/call', { name: 'slow' });
    removeKey();
    node.publish();
    await expect(response.text()).rejects.toThrow();
    await closed(open[0]);
  });

  test('what another caller has open goes on', async () => {
    const other = `Bearer ${node.snapshot.addKey(node.organization, 'user:2')}`;
    const [mine, theirs] = [
      await postModern('subscriptions/listen', listen),
      await postModern('subscriptions/listen', listen, { authorization: other }),
    ];
    removeKey();
    node.publish();
    expect(await eventsOf(mine)).toHaveLength(1);
    open[1]?.end('data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n');
    expect(await eventsOf(theirs)).toMatchObject([{ method: 'notifications/tools/list_changed' }]);
  });

  test('a call whose body comes only then is refused, and reaches no upstream', async () => {
    const body = Promise.withResolvers<void>();
    const message = JSON.stringify(ping);
    const stream = new ReadableStream<Uint8Array>({
      start: async (controller) => {
        controller.enqueue(Buffer.from(message.slice(0, 5)));
        await body.promise;
        controller.enqueue(Buffer.from(message.slice(5)));
        controller.close();
      },
    });
    const pending = fetch(legacy, {
      method: 'POST',
      headers: { ...node.headers(), 'content-type': 'application/json' },
      body: stream,
      duplex: 'half',
    });
    // Another call of the same connection's node has been served meanwhile: the head was read long ago.
    expect((await post(legacy, ping)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = upstream.seen.length;
    removeKey();
    node.publish();
    body.resolve();
    const response = await pending;
    expect([response.status, upstream.seen.length]).toEqual([401, before]);
    expect(node.recorder.records.at(-1)).toMatchObject({
      decision: 'DECISION_REFUSED',
      reason: 'credential_revoked',
    });
  });

  test('all of many streams end', async () => {
    const streams: Response[] = [];
    for (let index = 0; index < 250; index += 1) {
      streams.push(await postModern('subscriptions/listen', listen));
    }
    removeKey();
    node.publish();
    const events = await Promise.all(streams.map(eventsOf));
    expect(events.flat()).toHaveLength(250);
    const ends = node.recorder.records.filter(({ outcome }) => outcome === 'revoked');
    expect(ends).toHaveLength(250);
  });

  test('a response that waits for its record stays unseen', async () => {
    const organization = { ...node.organization, mustAudit: true };
    node.snapshot.organizations.set('acme', organization);
    const flushing = Promise.withResolvers<void>();
    const response = await postModern('tools/call', { name: 'slow' });
    node.recorder.flushing = flushing.promise;
    open[0]?.end('data: {"jsonrpc":"2.0","id":"call-1","result":{"secret":true}}\n\n');
    await node.recorder.until(({ phase }) => phase === 'CALL_PHASE_COMPLETE');
    removeKey();
    node.publish();
    flushing.resolve();
    await expect(response.text()).rejects.toThrow();
  });
});

describe('a subscription ends', () => {
  const server = () => {
    const found = node.snapshot.server(node.organization.id, 'modern');
    if (found === undefined) throw new Error('There is no server.');
    return found;
  };
  const setServer = (fields: object) =>
    node.snapshot.servers.set(`${node.organization.id}/modern`, { ...server(), ...fields });
  const setOrganization = (fields: object) =>
    node.snapshot.organizations.set('acme', { ...node.organization, ...fields });

  test.each<[string, string, () => void]>([
    ['its key expires', 'credential_expired', () => changeKey({ expiresAtMs: nowMs - 1 })],
    [
      'its key acts for somebody else',
      'credential_revoked',
      () => changeKey({ subject: 'user:9' }),
    ],
    [
      'its key gets another secret',
      'credential_revoked',
      () => changeKey({ secretHash: Buffer.alloc(32, 1) }),
    ],
    [
      'its key’s scopes cover the server no more',
      'scope_insufficient',
      () => changeKey({ scopes: ['mcp:legacy', 'admin'] }),
    ],
    ['its organization is disabled', 'server_disabled', () => setOrganization({ enabled: false })],
    [
      'its organization is gone',
      'server_not_found',
      () => node.snapshot.organizations.delete('acme'),
    ],
    ['its server is disabled', 'server_disabled', () => setServer({ enabled: false })],
    ['its server is another', 'server_not_found', () => setServer({ id: 'other' })],
    [
      'its server is gone',
      'server_not_found',
      () => node.snapshot.servers.delete(`${node.organization.id}/modern`),
    ],
    [
      'a rule about its server can’t be used',
      'configuration_refused',
      () => node.snapshot.closed.set(server().id, { type: 'Policy', name: 'p' }),
    ],
    [
      'the node’s view is too old',
      'configuration_stale',
      () => {
        setOrganization({ staleAfterMs: 5000 });
        viewAgeMs = 5001;
      },
    ],
    [
      'the age of the node’s view is not known',
      'configuration_stale',
      () => {
        setOrganization({ staleAfterMs: 5000 });
        viewAgeMs = undefined;
      },
    ],
  ])('when %s', async (_, reason, change) => {
    const response = await postModern('subscriptions/listen', listen);
    node.publish();
    change();
    node.publish();
    expect(await eventsOf(response)).toMatchObject([{ error: { data: { reason } } }]);
    expect(node.recorder.records.at(-1)).toMatchObject({ reason, outcome: 'revoked' });
  });

  test('and no other change ends it', async () => {
    const response = await postModern('subscriptions/listen', listen);
    changeKey({ scopes: ['mcp:modern', 'admin'], roles: ['admin'], label: 'renamed' });
    setServer({ requestTimeoutMs: 1 });
    setOrganization({ staleAfterMs: 5000 });
    viewAgeMs = 5000;
    node.publish();
    open[0]?.end();
    expect(await eventsOf(response)).toEqual([]);
    expect(node.recorder.records.at(-1)).toMatchObject({ outcome: 'completed' });
  });

  test('by the clock alone', async () => {
    changeKey({ expiresAtMs: nowMs + 1000 });
    const response = await postModern('subscriptions/listen', listen);
    clockMs += 999;
    node.pipeline.recheck();
    expect(open[0]?.destroyed).toBe(false);
    clockMs += 1;
    node.pipeline.recheck();
    expect(await eventsOf(response)).toMatchObject([
      { error: { data: { reason: 'credential_expired' } } },
    ]);
  });
});

describe('an access token', () => {
  let signer: TokenSigner;

  beforeEach(async () => {
    signer = await TokenSigner.create();
    const gateway = issuerResource('platform', '', { issuer: 'mcp-gateway', jwks: signer.jwks });
    node.snapshot.issuersOf.set('', [issuerEntry(gateway)]);
  });

  async function token(jti: string, sid: string, sub = 'user:1', iatMs = nowMs - 1000) {
    const claims = {
      ...{ iss: 'mcp-gateway', aud: modern, sub, sid, jti },
      ...{ org: node.organization.id, roles: ['agent'], scope: 'mcp:modern' },
      ...{ iat: iatMs / 1000, exp: nowMs / 1000 + 600 },
    };
    return { authorization: `Bearer ${await signer.sign({ claims })}` };
  }

  const revocations = [
    { kind: 'subject', subject: 'user:1', issuedBeforeMs: nowMs },
    { kind: 'session', sessionId: 's1' },
    { kind: 'token', tokenId: 'j1' },
  ] as const;

  test.each(revocations)(
    'that is revoked by $kind ends its streams, and counts no more',
    async (tokens) => {
      const mine = await token('j1', 's1');
      const others = await token('j2', 's2', 'user:2');
      const stream = await postModern('subscriptions/listen', listen, mine);
      const theirs = await postModern('subscriptions/listen', listen, others);
      expect([stream.status, theirs.status]).toEqual([200, 200]);
      node.snapshot.revoke(node.organization, tokens);
      node.publish();
      expect(await eventsOf(stream)).toMatchObject([
        { error: { data: { reason: 'credential_revoked' } } },
      ]);
      const response = await postModern('ping', {}, mine);
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({
        error: { data: { reason: 'credential_revoked' } },
      });
      expect(node.recorder.records.at(-1)).toMatchObject({
        decision: 'DECISION_REFUSED',
        subject: 'user:1',
        credentialId: 'j1',
      });
      expect((await postModern('ping', {}, others)).status).toBe(200);
      open[1]?.end();
      expect(await eventsOf(theirs)).toEqual([]);
    },
  );

  test('that was issued after its subject’s revocation counts', async () => {
    node.snapshot.revoke(node.organization, revocations[0]);
    expect((await postModern('ping', {}, await token('j3', 's3'))).status).toBe(401);
    const later = await token('j4', 's4', 'user:1', nowMs);
    expect((await postModern('ping', {}, later)).status).toBe(200);
  });

  test('of one organization is not ended by another’s revocation', async () => {
    const other = node.snapshot.addOrganization('other');
    for (const tokens of revocations) node.snapshot.revoke(other, tokens);
    expect((await postModern('ping', {}, await token('j1', 's1'))).status).toBe(200);
  });

  test('ends its streams when it expires, and when its issuer is trusted no more', async () => {
    const stream = await postModern('subscriptions/listen', listen, await token('j1', 's1'));
    clockMs = nowMs + 600_000;
    node.pipeline.recheck();
    expect(await eventsOf(stream)).toMatchObject([
      { error: { data: { reason: 'credential_expired' } } },
    ]);
    clockMs = nowMs;
    const another = await postModern('subscriptions/listen', listen, await token('j2', 's1'));
    node.snapshot.issuersOf.delete('');
    node.publish();
    expect(await eventsOf(another)).toMatchObject([
      { error: { data: { reason: 'credential_revoked' } } },
    ]);
  });
});
