import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import { HttpSseTransport } from '../../../../data-plane/upstream/http-sse/http-sse-transport.ts';
import { StreamableHttpTransport } from '../../../../data-plane/upstream/streamable-http-transport.ts';
import type { TransportRefusal } from '../../../../data-plane/upstream/upstream-transport.ts';
import { loopbackUpstreams } from '../../../support/upstream-bounds.ts';
import { endpointEntry, serverEntry } from '../../../support/upstream-entries.ts';
import { messagesOf, SseClient } from '../../../support/upstream-sse-client.ts';
import { type SseServerScript, startSseServer } from '../../../support/upstream-sse-server.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Bounds {
  sessionsMax?: number;
  idleMs?: number;
  queueBytesMax?: number;
  eventBytesMax?: number;
}

async function setUp(script: SseServerScript = {}, bounds: Bounds = {}) {
  const server = await startSseServer(script);
  closers.push(() => server.close());
  const http = new StreamableHttpTransport({
    bounds: loopbackUpstreams,
    metrics: { connected: () => undefined, failed: () => undefined },
    clockMs: () => 0,
  });
  closers.push(() => http.close());
  const transport = new HttpSseTransport({
    transport: http,
    randomBytes,
    sessionsMax: 10,
    idleMs: 60_000,
    queueBytesMax: 65_536,
    eventBytesMax: 1_048_576,
    ...bounds,
  });
  closers.push(async () => transport.close());
  return { server, transport, http, client: new SseClient(transport, server.url) };
}

const result = (id: unknown, value: unknown = {}) => ({ jsonrpc: '2.0', id, result: value });

/** How the transport refuses a request in its server's place. */
function refusal(reason: TransportRefusal) {
  return { reason, refused: true, nothingSent: true, detail: expect.any(String) };
}

describe('a session', () => {
  test('begins with initialize, whose answer carries an id that names nothing guessable', async () => {
    const { server, transport, client } = await setUp();
    const head = await client.initialize();
    expect(head.status).toBe(200);
    expect(head.headers.get('content-type')).toBe('text/event-stream');
    expect(client.session).toMatch(/^sse-[\w-]{8}-[\w-]{32}$/);
    expect(transport.sessions).toBe(1);
    expect(server.sessions.length).toBe(1);
    expect(server.sessions[0]?.received).toHaveLength(1);
  });

  test('relays messages verbatim, credential added, session headers left out', async () => {
    const { server, client } = await setUp();
    await client.initialize();
    const endpoint = endpointEntry(server.url);
    const { recorder } = client.post(
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      {
        server: serverEntry([endpoint], {
          transport: 'http-sse',
          credential: { header: 'authorization', value: 'Bearer up' },
        }),
      },
    );
    expect((await recorder.head).status).toBe(202);
    expect(await recorder.end).toBeUndefined();
    const seen = server.sessions[0]?.received.at(-1);
    expect(seen?.message).toEqual({ jsonrpc: '2.0', method: 'notifications/initialized' });
    expect(seen?.headers).toMatchObject({ authorization: 'Bearer up' });
    expect(seen?.headers['mcp-session-id']).toBeUndefined();
  });

  test('brings responses, also out of order and with ids of both types, to the POST that waits', async () => {
    const { server, client } = await setUp();
    await client.initialize();
    const ids = [1, '1', 2, 'two'];
    const waiting = ids.map((id) => ({ id, ...client.request(id, 'tools/call') }));
    for (const { recorder } of waiting) await recorder.head;
    for (const id of ids.toReversed()) server.sessions[0]?.send(result(id, { for: typeof id, id }));
    for (const { id, recorder } of waiting) {
      expect(await recorder.end).toBeUndefined();
      expect(messagesOf(recorder)).toEqual([result(id, { for: typeof id, id })]);
    }
  });

  test('takes an answer that comes before the acknowledgment', async () => {
    const { client } = await setUp({
      onMessage: ({ session, message, response }) => {
        if (message.method !== 'tools/call') return false;
        session.send(result(message.id));
        setTimeout(() => response.writeHead(202).end(), 50);
        return true;
      },
    });
    await client.initialize();
    const { recorder } = client.request(1, 'tools/call');
    expect(await recorder.end).toBeUndefined();
    expect(messagesOf(recorder)).toEqual([result(1)]);
  });

  test('relays a message on several lines, and passes over what is no message', async () => {
    const { server, client } = await setUp();
    await client.initialize();
    const { recorder } = client.request(1, 'tools/call');
    await recorder.head;
    const stream = server.sessions[0]?.stream;
    stream?.write(
      ': comment\n\nevent: other\ndata: {}\n\ndata: no json\n\ndata: []\n\nunknown: x\n\n',
    );
    stream?.write('data: {"jsonrpc":"2.0",\ndata: "id":1,"result":{}}\n\n');
    expect(await recorder.end).toBeUndefined();
    expect(recorder.text).toBe(
      'event: message\ndata: {"jsonrpc":"2.0",\ndata: "id":1,"result":{}}\n\n',
    );
  });

  test('refuses what a legacy server would refuse, and nothing of it is sent', async () => {
    const { client } = await setUp();
    await client.initialize();
    const first = client.request(1, 'tools/call');
    await first.recorder.head;
    expect(await client.request(1, 'tools/call').recorder.end).toEqual(
      refusal('request_id_in_use'),
    );
    expect(await client.post([]).recorder.end).toEqual(refusal('message_invalid'));
    const listener = client.open('GET', undefined, { idleTimeoutMs: 0 });
    await listener.recorder.head;
    expect(await client.open('GET').recorder.end).toEqual(refusal('stream_already_open'));
    client.session = undefined;
    expect(await client.request(2, 'tools/call').recorder.end).toEqual(refusal('session_required'));
    client.session = 'sse-elsewhere-1';
    expect(await client.request(2, 'tools/call').recorder.end).toEqual(refusal('session_unknown'));
  });

  test('is known at its own server and endpoint only', async () => {
    const { server, client } = await setUp();
    await client.initialize();
    const other = endpointEntry(server.url, 'endpoint-2');
    const entry = serverEntry([other], { transport: 'http-sse' });
    const moved = client.open('GET', undefined, { endpoint: other, server: entry });
    expect(await moved.recorder.end).toEqual(refusal('session_unknown'));
    const foreign = {
      ...serverEntry([endpointEntry(server.url)], { transport: 'http-sse' }),
      id: 'server-2',
    };
    const stolen = client.open('GET', undefined, { server: foreign });
    expect(await stolen.recorder.end).toEqual(refusal('session_unknown'));
  });

  test('ends with DELETE', async () => {
    const { server, transport, client } = await setUp();
    await client.initialize();
    const waiting = client.request(1, 'tools/call');
    await waiting.recorder.head;
    const stream = server.sessions[0]?.stream;
    if (stream === undefined) throw new Error('a session expected');
    const closed = once(stream, 'close');
    expect((await client.open('DELETE').recorder.head).status).toBe(204);
    await closed;
    expect(await waiting.recorder.end).toMatchObject({ reason: 'upstream_closed' });
    expect(await client.open('DELETE').recorder.end).toEqual(refusal('session_unknown'));
    expect(transport.sessions).toBe(0);
  });

  test('ends with its event stream: waiting calls fail, the listener ends, later ones get 404', async () => {
    const { server, client } = await setUp();
    await client.initialize();
    const listener = client.open('GET', undefined, { idleTimeoutMs: 0 });
    const waiting = client.request(1, 'tools/call');
    await waiting.recorder.head;
    await listener.recorder.head;
    server.sessions[0]?.stream.destroy();
    expect(await waiting.recorder.end).toMatchObject({
      reason: 'upstream_closed',
      nothingSent: false,
    });
    expect(await listener.recorder.end).toBeUndefined();
    expect(await client.request(2, 'tools/call').recorder.end).toEqual(refusal('session_unknown'));
  });

  test('ends when it is idle, not while somebody listens', async () => {
    const { server, transport, client } = await setUp({}, { idleMs: 100 });
    await client.initialize();
    const listener = client.open('GET', undefined, { idleTimeoutMs: 0 });
    await listener.recorder.head;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(transport.sessions).toBe(1);
    const stream = server.sessions[0]?.stream;
    if (stream === undefined) throw new Error('a session expected');
    const closed = once(stream, 'close');
    listener.exchange.abort();
    await closed;
    expect(transport.sessions).toBe(0);
  });

  test('makes room by ending the oldest idle one, and is refused when all are in use', async () => {
    const { server, transport } = await setUp({}, { sessionsMax: 2 });
    const clients = Array.from({ length: 3 }, () => new SseClient(transport, server.url));
    const [first, second, third] = clients;
    await first?.initialize();
    await second?.initialize();
    const held = first?.open('GET', undefined, { idleTimeoutMs: 0 });
    await held?.recorder.head;
    expect((await third?.initialize())?.status).toBe(200);
    expect(await second?.open('GET').recorder.end).toEqual(refusal('session_unknown'));
    const heldToo = third?.open('GET', undefined, { idleTimeoutMs: 0 });
    await heldToo?.recorder.head;
    const fourth = new SseClient(transport, server.url).request(1, 'initialize');
    expect(await fourth.recorder.end).toMatchObject({
      reason: 'endpoint_unavailable',
      nothingSent: true,
    });
    expect(transport.sessions).toBe(2);
  });
});

describe('messages from the server', () => {
  test('progress goes to its request, the rest to the listener, each once', async () => {
    const { server, client } = await setUp();
    await client.initialize();
    const listener = client.open('GET', undefined, { idleTimeoutMs: 0 });
    await listener.recorder.head;
    const call = client.request(1, 'tools/call', { _meta: { progressToken: 'p' } });
    await call.recorder.head;
    const progress = {
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: 'p' },
    };
    const changed = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
    const sampling = { jsonrpc: '2.0', id: 1, method: 'sampling/createMessage', params: {} };
    for (const message of [progress, changed, sampling, result(1)])
      server.sessions[0]?.send(message);
    await call.recorder.end;
    await listener.recorder.until(() => messagesOf(listener.recorder).length === 2);
    expect(messagesOf(call.recorder)).toEqual([progress, result(1)]);
    expect(messagesOf(listener.recorder)).toEqual([changed, sampling]);
  });

  test('wait, within a bound, for a listener', async () => {
    const note = (n: number) => ({
      jsonrpc: '2.0',
      method: 'notifications/message',
      params: { n },
    });
    const { server, client } = await setUp(
      {
        onMessage: ({ session, message }) => {
          if (message.method !== 'initialize') return false;
          for (let n = 0; n < 100; n += 1) session.send(note(n));
          return false;
        },
      },
      { queueBytesMax: 300 },
    );
    await client.initialize();
    const call = client.request(1, 'tools/call');
    await call.recorder.head;
    server.sessions[0]?.send(result(1));
    await call.recorder.end;
    const got = messagesOf(call.recorder);
    expect(got[0]).toEqual(note(0));
    expect(got.at(-1)).toEqual(result(1));
    expect(got.length).toBeLessThan(10);
  });

  test('a second listener is refused as long as the first is there', async () => {
    const { client } = await setUp();
    await client.initialize();
    const first = client.open('GET', undefined, { idleTimeoutMs: 0 });
    expect((await first.recorder.head).status).toBe(200);
    expect(await client.open('GET').recorder.end).toEqual(refusal('stream_already_open'));
    first.exchange.abort();
    const again = client.open('GET', undefined, { idleTimeoutMs: 0 });
    expect((await again.recorder.head).status).toBe(200);
  });

  test('the response to a call whose caller has gone is dropped, and the session goes on', async () => {
    const { server, client } = await setUp();
    await client.initialize();
    const gone = client.request(1, 'tools/call');
    await gone.recorder.head;
    gone.exchange.abort();
    const listener = client.open('GET', undefined, { idleTimeoutMs: 0 });
    await listener.recorder.head;
    const marker = { jsonrpc: '2.0', method: 'notifications/marker' };
    server.sessions[0]?.send(result(1));
    server.sessions[0]?.send(marker);
    await listener.recorder.until(() => listener.recorder.bytes > 0);
    const next = client.request(1, 'tools/call');
    await next.recorder.head;
    server.sessions[0]?.send(result(1, { second: true }));
    await next.recorder.end;
    expect(messagesOf(next.recorder)).toEqual([result(1, { second: true })]);
    expect(messagesOf(listener.recorder)).toEqual([marker]);
    expect(gone.recorder.endings).toBe(0);
  });

  test('a slow caller stops the upstream, and gets everything in the end', async () => {
    const { server, client } = await setUp();
    await client.initialize();
    const listener = client.open('GET', undefined, { idleTimeoutMs: 0 });
    await listener.recorder.head;
    listener.exchange.pause();
    const stream = server.sessions[0]?.stream;
    if (stream === undefined) throw new Error('a session expected');
    const event = `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'n', params: 'x'.repeat(8_000) })}\n\n`;
    let written = 0;
    const total = 4_000;
    const more = () => {
      let open = true;
      while (open && written < total) {
        written += 1;
        open = stream.write(event);
      }
    };
    stream.on('drain', more);
    more();
    let before = -1;
    for (let tries = 0; tries < 200 && before !== written; tries += 1) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(written).toBeLessThan(total);
    expect(listener.recorder.bytes).toBe(0);
    listener.exchange.resume();
    await listener.recorder.until(() => listener.recorder.bytes >= total * (event.length + 15));
    expect(messagesOf(listener.recorder)).toHaveLength(total);
  });
});

describe('a server that misbehaves', () => {
  test.each([
    ['another origin', 'http://127.0.0.1:9/message'],
    ['another scheme', 'https://127.0.0.1/message'],
    ['no address', 'http://'],
  ])('naming %s is not followed, and nothing was sent', async (_name, endpoint) => {
    const { client, transport } = await setUp({ endpoint: () => endpoint });
    const { recorder } = client.request(1, 'initialize');
    expect(await recorder.end).toMatchObject({ reason: 'upstream_invalid', nothingSent: true });
    expect(transport.sessions).toBe(0);
  });

  test('a full address of the same origin is fine', async () => {
    const { server, client } = await setUp({
      endpoint: (session) => new URL(`/message?session=${session}`, server.url).href,
    });
    expect((await client.initialize()).status).toBe(200);
  });

  test('its refusal of the event stream is relayed', async () => {
    const { client, transport } = await setUp({
      onGet: (_request, response) => {
        response
          .writeHead(401, { 'content-type': 'text/plain', 'www-authenticate': 'Bearer' })
          .end('no');
        return true;
      },
    });
    const { recorder } = client.request(1, 'initialize');
    const head = await recorder.head;
    expect(head.status).toBe(401);
    expect(await recorder.end).toBeUndefined();
    expect(recorder.text).toBe('no');
    expect(transport.sessions).toBe(0);
  });

  test('an answer that is no event stream', async () => {
    const { client } = await setUp({
      onGet: (_request, response) => {
        response.end('<html>');
        return true;
      },
    });
    expect(await client.request(1, 'initialize').recorder.end).toMatchObject({
      reason: 'upstream_invalid',
      nothingSent: true,
    });
  });

  test('one that never names an address', async () => {
    const { client, transport } = await setUp({
      onGet: (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(': wait\n\n');
        return true;
      },
    });
    const { recorder } = client.post(
      { jsonrpc: '2.0', id: 1, method: 'initialize' },
      { headTimeoutMs: 100 },
    );
    expect(await recorder.end).toMatchObject({ reason: 'upstream_timeout', nothingSent: true });
    expect(transport.sessions).toBe(0);
  });

  test('one that can not be reached', async () => {
    const { server, client, transport } = await setUp();
    await server.close();
    expect(await client.request(1, 'initialize').recorder.end).toMatchObject({
      reason: 'upstream_connect_failed',
      nothingSent: true,
    });
    expect(transport.sessions).toBe(0);
  });

  test('one that refuses initialize, by status or by error', async () => {
    let byStatus = true;
    const { client, transport } = await setUp({
      onMessage: ({ session, message, response }) => {
        if (byStatus) response.writeHead(400).end('bad');
        else {
          response.writeHead(202).end();
          session.send({ jsonrpc: '2.0', id: message.id, error: { code: -32602, message: 'no' } });
        }
        return true;
      },
    });
    const first = client.request(1, 'initialize');
    expect((await first.recorder.head).status).toBe(400);
    expect(await first.recorder.end).toBeUndefined();
    byStatus = false;
    const second = client.request(1, 'initialize');
    const head = await second.recorder.head;
    expect(head.status).toBe(200);
    expect(head.headers.has('mcp-session-id')).toBe(false);
    expect(await second.recorder.end).toBeUndefined();
    expect(messagesOf(second.recorder)).toMatchObject([{ error: { code: -32602 } }]);
    expect(transport.sessions).toBe(0);
  });

  test('one that refuses a message', async () => {
    const { client, transport } = await setUp({
      onMessage: ({ message, response }) => {
        if (message.method === 'initialize') return false;
        response.writeHead(413, { 'content-type': 'text/plain' }).end('x'.repeat(100_000));
        return true;
      },
    });
    await client.initialize();
    const { recorder } = client.request(1, 'tools/call');
    expect((await recorder.head).status).toBe(413);
    expect(await recorder.end).toBeUndefined();
    expect(recorder.bytes).toBe(16_384);
    expect(transport.sessions).toBe(1);
  });

  test('one that accepts a call and is silent', async () => {
    const { client } = await setUp();
    await client.initialize();
    const { recorder } = client.post(
      { jsonrpc: '2.0', id: 1, method: 'tools/call' },
      { idleTimeoutMs: 100 },
    );
    expect((await recorder.head).status).toBe(200);
    expect(await recorder.end).toMatchObject({ reason: 'upstream_timeout', nothingSent: false });
  });

  test('an endless event ends the session', async () => {
    const { server, client, transport } = await setUp({}, { eventBytesMax: 100_000 });
    await client.initialize();
    const { recorder } = client.request(1, 'tools/call');
    await recorder.head;
    const stream = server.sessions[0]?.stream;
    const more = () => {
      while (stream?.destroyed === false && stream.write(`data: ${'x'.repeat(10_000)}\n`));
    };
    stream?.on('drain', more);
    more();
    expect(await recorder.end).toMatchObject({ reason: 'upstream_too_large', nothingSent: false });
    expect(transport.sessions).toBe(0);
  });

  test('a caller that leaves during initialize leaves no session behind', async () => {
    const { server, client, transport } = await setUp({ onMessage: () => true });
    const { exchange } = client.request(1, 'initialize');
    while (server.sessions[0]?.received.length !== 1) await new Promise(setImmediate);
    const closed = once(server.sessions[0].stream, 'close');
    exchange.abort();
    await closed;
    expect(transport.sessions).toBe(0);
  });
});
