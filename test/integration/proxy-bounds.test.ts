import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ProxyHarness, type ProxyHarnessOptions } from '../support/proxy-harness.ts';
import { RawClient, rawPost } from '../support/proxy-raw-client.ts';
import { emptyResult, type ProxyUpstream, startProxyUpstream } from '../support/proxy-upstream.ts';

const megabyte = 1024 * 1024;
const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };

let cleanup: AsyncDisposableStack;

beforeEach(() => {
  cleanup = new AsyncDisposableStack();
});

afterEach(() => cleanup.disposeAsync());

async function node(options: ProxyHarnessOptions = {}): Promise<ProxyHarness> {
  const harness = await new ProxyHarness(options).start();
  cleanup.defer(() => harness.close());
  return harness;
}

async function upstream(
  answer: Parameters<typeof startProxyUpstream>[0] = emptyResult,
): Promise<ProxyUpstream> {
  const server = await startProxyUpstream(answer);
  cleanup.defer(() => server.close());
  return server;
}

function rawClient(harness: ProxyHarness): RawClient {
  const client = new RawClient(harness.port);
  cleanup.defer(() => client.close());
  return client;
}

function chunked(key: string): string {
  return [
    'POST /acme/plain/mcp HTTP/1.1',
    'Host: localhost',
    `Authorization: Bearer ${key}`,
    'Content-Type: application/json',
    'Transfer-Encoding: chunked',
    '\r\n',
  ].join('\r\n');
}

describe('bodies of 16 MB', () => {
  const body = JSON.stringify({ ...ping, params: { text: 'x'.repeat(16 * megabyte) } });

  test('are refused by their announced length before they arrive', async () => {
    const gateway = await node();
    const url = gateway.serve('plain', (await upstream()).url);
    const client = rawClient(gateway);
    // Not one byte of the body is sent, and still the answer is there.
    client.write(
      rawPost('/acme/plain/mcp', gateway.key, '').replace(
        'Content-Length: 0',
        `Content-Length: ${body.length}`,
      ),
    );
    expect(await client.until(/"traceId"/)).toMatch(
      /^HTTP\/1\.1 413 [\s\S]*Connection: close[\s\S]*body_too_large/,
    );
    const response = await gateway.post(url, body);
    expect([response.status, await response.json()]).toMatchObject([
      413,
      { error: { data: { reason: 'body_too_large' } } },
    ]);
  });

  test('are refused by count without being buffered', async () => {
    const gateway = await node();
    gateway.serve('plain', (await upstream()).url);
    const client = rawClient(gateway);
    client.write(chunked(gateway.key));
    const before = process.memoryUsage().arrayBuffers;
    const chunk = `${(megabyte).toString(16)}\r\n${'x'.repeat(megabyte)}\r\n`;
    for (let sent = 0; sent < 16; sent += 1) client.write(chunk);
    await client.until(/"traceId"/);
    expect(client.text).toMatch(/^HTTP\/1\.1 413 [\s\S]*body_too_large/);
    // The client's own side of this process holds the 16 MB; what the node held is at most its bound.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * megabyte);
  });

  test('of unknown callers are not even asked for', async () => {
    const gateway = await node();
    const client = rawClient(gateway);
    client.write(
      rawPost('/acme/plain/mcp', 'wrong', '', 'Expect: 100-continue\r\n').replace(
        'Content-Length: 0',
        `Content-Length: ${body.length}`,
      ),
    );
    const answer = await client.until(/"traceId"/);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).not.toMatch(/100 Continue/);
  });

  test('are let through when the bound allows it, with the client’s permission to send', async () => {
    const gateway = await node({ pipeline: { bodyBytesMax: 32 * megabyte } });
    const server = await upstream();
    gateway.serve('plain', server.url);
    const client = rawClient(gateway);
    const [head = '', rest = ''] = rawPost(
      '/acme/plain/mcp',
      gateway.key,
      body,
      'Expect: 100-continue\r\n',
    ).split('\r\n\r\n');
    client.write(`${head}\r\n\r\n`);
    await client.until(/100 Continue/);
    client.write(rest);
    expect(await client.until(/"result"/)).toMatch(/HTTP\/1\.1 200 /);
    expect(server.seen[0]?.body.length).toBe(body.length);
  });
});

describe('requests that never come whole', () => {
  test('endless headers are cut off', async () => {
    const gateway = await node();
    const client = rawClient(gateway);
    client.write(
      `POST /acme/plain/mcp HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(64_000)}`,
    );
    expect(await client.until(/"traceId"/)).toMatch(/^HTTP\/1\.1 431 [\s\S]*headers_too_large/);
    expect(gateway.recorder.refusals.map(({ reason }) => reason)).toEqual(['headers_too_large']);
  });

  test('headers that trickle in end with a time-out', async () => {
    const gateway = await node({
      listener: { headersTimeoutMs: 200, requestTimeoutMs: 300, lingerTimeoutMs: 100 },
    });
    const client = rawClient(gateway);
    client.write('POST /acme/plain/mcp HTTP/1.1\r\nHost: loc');
    expect(await client.until(/"traceId"/)).toMatch(/^HTTP\/1\.1 408 /);
    await client.ended;
  });

  test('a body that trickles in ends with a time-out', async () => {
    const gateway = await node({ pipeline: { bodyTimeoutMs: 100 } });
    gateway.serve('plain', (await upstream()).url);
    const client = rawClient(gateway);
    client.write(`${chunked(gateway.key)}1\r\n{\r\n`);
    expect(await client.until(/"traceId"/)).toMatch(/^HTTP\/1\.1 408 [\s\S]*body_timeout/);
  });

  test('what is no HTTP gets a clear answer', async () => {
    const gateway = await node({ listener: { lingerTimeoutMs: 100 } });
    const client = rawClient(gateway);
    client.write('hello?\r\n\r\n');
    expect(await client.until(/"traceId"/)).toMatch(/^HTTP\/1\.1 400 [\s\S]*request_malformed/);
    await client.ended;
  });

  test('a client that leaves within its body is recorded as gone', async () => {
    const gateway = await node();
    gateway.serve('plain', (await upstream()).url);
    const client = rawClient(gateway);
    client.write(`${chunked(gateway.key)}1\r\n{\r\n`);
    await new Promise<void>((resolve) => client.socket.write('', () => resolve()));
    client.close();
    const record = await gateway.recorder.until(() => true);
    expect(record).toMatchObject({ outcome: 'client_closed', httpStatus: 0, subject: 'user:1' });
  });
});

describe('half-closed sockets', () => {
  test('count as closed: nobody can tell them apart, and a stream would stay open for ever', async () => {
    const gone = Promise.withResolvers<void>();
    const server = await upstream((_request, response) => {
      response.on('close', () => gone.resolve());
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    });
    const gateway = await node();
    gateway.serve('plain', server.url);
    const client = rawClient(gateway);
    client.write(rawPost('/acme/plain/mcp', gateway.key, JSON.stringify(ping)));
    await client.until(/200 OK/);
    client.socket.end();
    await gone.promise;
    expect(await gateway.recorder.until(() => true)).toMatchObject({
      decision: 'DECISION_ALLOWED',
      outcome: 'client_closed',
      httpStatus: 200,
    });
    await client.closed;
  });

  test('that never said a whole request are closed', async () => {
    const gateway = await node({ listener: { lingerTimeoutMs: 100 } });
    const client = rawClient(gateway);
    client.write('POST /acme/plain/mcp HTTP/1.1\r\n');
    client.socket.end();
    await client.closed;
    expect(gateway.recorder.records).toEqual([]);
  });
});

describe('connections and streams', () => {
  test('one connection too many is answered and closed, and serves nothing', async () => {
    const gateway = await node({ listener: { connectionsMax: 1, lingerTimeoutMs: 100 } });
    const server = await upstream();
    gateway.serve('plain', server.url);
    const first = rawClient(gateway);
    await once(first.socket, 'connect');
    const second = rawClient(gateway);
    second.write(rawPost('/acme/plain/mcp', gateway.key, JSON.stringify(ping)));
    expect(await second.until(/"traceId"/)).toMatch(/^HTTP\/1\.1 503 [\s\S]*connections_exhausted/);
    await second.ended;
    expect(server.seen).toEqual([]);
    expect(gateway.recorder.refusals).toMatchObject([{ reason: 'connections_exhausted' }]);
  });

  test('one long stream too many is refused, and a place is given back', async () => {
    const server = await upstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    });
    const gateway = await node({ pipeline: { streamsMax: 1 } });
    const url = gateway.serve('plain', server.url);
    const leaving = new AbortController();
    const open = (signal?: AbortSignal) =>
      fetch(url, { headers: gateway.headers(), signal: signal ?? null });
    expect((await open(leaving.signal)).status).toBe(200);
    const refused = await open();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    leaving.abort();
    await gateway.recorder.until(({ phase }) => phase === 'CALL_PHASE_END');
    const third = await open();
    expect(third.status).toBe(200);
    await third.body?.cancel();
  });
});

describe('slow upstreams', () => {
  test('one that says nothing ends with a time-out', async () => {
    const server = await upstream(() => undefined);
    const gateway = await node({ pipeline: { headTimeoutMs: 100 } });
    const response = await gateway.post(gateway.serve('plain', server.url), ping);
    expect([response.status, await response.json()]).toMatchObject([
      504,
      { id: 1, error: { code: -31471, data: { reason: 'upstream_timeout' } } },
    ]);
    expect(gateway.recorder.records).toMatchObject([
      { decision: 'DECISION_FAILED', outcome: 'timeout', httpStatus: 504 },
    ]);
  });

  test('one that falls silent within its answer is cut, and the client sees it', async () => {
    const server = await upstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"jsonrpc":');
    });
    const gateway = await node({ pipeline: { idleTimeoutMs: 200 } });
    const response = await gateway.post(gateway.serve('plain', server.url), ping);
    await expect(response.text()).rejects.toThrow();
    expect(await gateway.recorder.until(() => true)).toMatchObject({
      decision: 'DECISION_FAILED',
      reason: 'upstream_timeout',
      outcome: 'timeout',
    });
  });

  test('one that can’t be reached is told apart', async () => {
    const gateway = await node();
    const server = await startProxyUpstream(emptyResult);
    await server.close();
    const response = await gateway.post(gateway.serve('plain', server.url), ping);
    expect([response.status, await response.json()]).toMatchObject([
      502,
      { error: { data: { reason: 'upstream_connect_failed' } } },
    ]);
  });
});

describe('slow clients', () => {
  const event = Buffer.from(
    `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { data: 'x'.repeat(8_000) } })}\n\n`,
  );

  /** Writes events for as long as the gateway takes them; says how many bytes it took. */
  function flood(response: ServerResponse): () => number {
    let bytes = 0;
    const more = () => {
      while (response.write(event)) bytes += event.length;
      bytes += event.length;
    };
    response.on('drain', more);
    more();
    return () => bytes;
  }

  test('hold the upstream back instead of filling memory, and are cut after a while', async () => {
    let taken: () => number = () => 0;
    const gone = Promise.withResolvers<void>();
    const server = await upstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.on('close', () => gone.resolve());
      taken = flood(response);
    });
    const gateway = await node({ pipeline: { stallTimeoutMs: 700 } });
    gateway.serve('plain', server.url);
    const client = rawClient(gateway);
    client.socket.pause();
    client.write(rawPost('/acme/plain/mcp', gateway.key, JSON.stringify(ping)));
    const record = await gateway.recorder.until(({ phase }) => phase !== 'CALL_PHASE_START');
    expect(record).toMatchObject({ outcome: 'timeout', decision: 'DECISION_ALLOWED' });
    await gone.promise;
    // What was taken lies in the kernel's buffers of two loopback connections.
    expect(taken()).toBeLessThan(16 * megabyte);
    expect(record.responseBytes).toBeLessThanOrEqual(taken());
  });

  test('that catch up get every byte in order', async () => {
    const count = 2_000;
    const server = await upstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let sent = 0; sent < count; sent += 1) response.write(`id: ${sent}\n${event}`);
      response.end();
    });
    const gateway = await node();
    const response = await gateway.post(gateway.serve('plain', server.url), ping);
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    const text = await response.text();
    const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    expect(ids).toEqual(Array.from({ length: count }, (_, index) => index));
  });
});

describe('a node that drains', () => {
  test('ends long streams in order, lets calls finish and takes no more', async () => {
    let finish: () => void = () => undefined;
    const server = await upstream((request, response) => {
      if (request.method === 'GET') {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      } else {
        finish = () => emptyResult(request, response);
      }
    });
    const gateway = await node();
    const url = gateway.serve('plain', server.url);
    const stream = await fetch(url, { headers: gateway.headers() });
    const call = gateway.post(url, ping);
    while (server.seen.length < 2) await new Promise((resolve) => setImmediate(resolve));
    const drained = gateway.listener.drain(5_000);
    expect(await stream.text()).toBe('');
    finish();
    const response = await call;
    expect([response.status, response.headers.get('connection')]).toEqual([200, 'close']);
    await drained;
    await expect(gateway.post(url, ping)).rejects.toThrow();
    expect(gateway.recorder.records.map(({ outcome }) => outcome)).toEqual([
      '',
      'drained',
      'completed',
    ]);
  });

  test('begins no new stream on a connection that it still has', async () => {
    const server = await upstream();
    const gateway = await node();
    gateway.serve('plain', server.url);
    const client = rawClient(gateway);
    client.write('GET /acme/plain/mcp HTTP/1.1\r\nHost: localhost\r\n');
    await new Promise<void>((resolve) => client.socket.write('', () => resolve()));
    // One round trip later, the half-sent request has arrived.
    await gateway.post(`${gateway.baseUrl}/acme/plain/mcp`, ping);
    const drained = gateway.listener.drain(5_000);
    client.write(`Authorization: Bearer ${gateway.key}\r\n\r\n`);
    expect(await client.until(/"traceId"/)).toMatch(/^HTTP\/1\.1 503 [\s\S]*node_draining/);
    client.close();
    await drained;
  });

  test('cuts what is not done in time', async () => {
    const server = await upstream(() => undefined);
    const gateway = await node();
    const call = gateway.post(gateway.serve('plain', server.url), ping);
    const failed = expect(call).rejects.toThrow();
    while (server.seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await gateway.listener.drain(50);
    await failed;
  });
});
