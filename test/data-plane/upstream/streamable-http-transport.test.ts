import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type net from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { StreamableHttpTransport } from '../../../data-plane/upstream/streamable-http-transport.ts';
import type { UpstreamOptions } from '../../../data-plane/upstream/upstream-options.ts';
import type { UpstreamRequest } from '../../../data-plane/upstream/upstream-transport.ts';
import { loopbackUpstreams } from '../../support/upstream-bounds.ts';
import { endpointEntry, postTo, serverEntry } from '../../support/upstream-entries.ts';
import { UpstreamRecorder } from '../../support/upstream-recorder.ts';
import {
  readBody,
  startHttpServer,
  startTcpServer,
  type UpstreamServer,
} from '../../support/upstream-server.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function closing(server: Promise<UpstreamServer>): Promise<UpstreamServer> {
  const started = await server;
  closers.push(() => started.close());
  return started;
}

interface Setup {
  readonly bounds?: Partial<UpstreamOptions>;
  readonly clockMs?: () => number;
}

function transportWith({ bounds = {}, clockMs = () => 0 }: Setup = {}) {
  const seen = { connects: 0, failedConnects: 0, failures: [] as string[] };
  const transport = new StreamableHttpTransport({
    bounds: { ...loopbackUpstreams, ...bounds },
    metrics: {
      connected: (ok) => {
        if (ok) seen.connects += 1;
        else seen.failedConnects += 1;
      },
      failed: (reason) => seen.failures.push(reason),
    },
    clockMs,
  });
  closers.push(() => transport.close());
  return { transport, seen };
}

function send(transport: StreamableHttpTransport, request: UpstreamRequest) {
  const recorder = new UpstreamRecorder();
  const exchange = transport.open(request, recorder);
  return { recorder, exchange };
}

describe('an exchange that succeeds', () => {
  test('carries method, path, headers, credential and body to the endpoint', async () => {
    const requests: { request: IncomingMessage; body: string }[] = [];
    const server = await closing(
      startHttpServer(async (request, response) => {
        requests.push({ request, body: await readBody(request) });
        response.setHeader('X-Multi', ['a', 'b']);
        response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"ok":true}');
      }),
    );
    const { transport } = transportWith();
    const url = new URL('/deep/path?query=1', server.url);
    const endpoint = endpointEntry(url);
    const { recorder } = send(
      transport,
      postTo(
        url,
        { hello: 1 },
        {
          endpoint,
          server: serverEntry([endpoint], {
            credential: { header: 'authorization', value: 'Bearer upstream' },
          }),
        },
      ),
    );

    const head = await recorder.head;
    expect(await recorder.end).toBeUndefined();

    expect(head.status).toBe(200);
    expect(head.headers.get('content-type')).toBe('application/json');
    expect(head.headers.get('x-multi')).toBe('a, b');
    expect(recorder.text).toBe('{"ok":true}');
    expect(recorder.endings).toBe(1);
    const [seen] = requests;
    expect(seen?.request.method).toBe('POST');
    expect(seen?.request.url).toBe('/deep/path?query=1');
    expect(seen?.body).toBe('{"hello":1}');
    expect(seen?.request.headers).toMatchObject({
      host: url.host,
      authorization: 'Bearer upstream',
      'accept-encoding': 'identity',
      'content-length': '11',
    });
  });

  test('uses a connection again', async () => {
    const server = await closing(startHttpServer((_request, response) => response.end('x')));
    const { transport, seen } = transportWith();
    for (let call = 0; call < 5; call += 1) {
      const { recorder } = send(transport, postTo(server.url));
      expect(await recorder.end).toBeUndefined();
    }
    expect(server.connections()).toBe(1);
    expect(seen.connects).toBe(1);
  });

  test('relays a redirect instead of following it', async () => {
    let requests = 0;
    const server = await closing(
      startHttpServer((_request, response) => {
        requests += 1;
        response.writeHead(307, { location: '/elsewhere' }).end();
      }),
    );
    const { recorder } = send(transportWith().transport, postTo(server.url));
    expect((await recorder.head).status).toBe(307);
    expect(await recorder.end).toBeUndefined();
    expect(requests).toBe(1);
  });

  test('passes informational responses over', async () => {
    const server = await closing(
      startHttpServer((_request, response) => {
        response.writeEarlyHints({ link: '</x>; rel=preload' });
        response.writeProcessing();
        response.end('done');
      }),
    );
    const { recorder } = send(transportWith().transport, postTo(server.url));
    expect((await recorder.head).status).toBe(200);
    expect(await recorder.end).toBeUndefined();
    expect(recorder.text).toBe('done');
  });

  test('sends GET and DELETE without a body', async () => {
    const seen: string[] = [];
    const server = await closing(
      startHttpServer((request, response) => {
        seen.push(`${request.method} ${request.headers['content-length']}`);
        response.writeHead(204).end();
      }),
    );
    const { transport } = transportWith();
    for (const method of ['GET', 'DELETE'] as const) {
      const { recorder } = send(
        transport,
        postTo(server.url, undefined, { method, body: undefined }),
      );
      expect(await recorder.end).toBeUndefined();
    }
    expect(seen).toEqual(['GET undefined', 'DELETE undefined']);
  });
});

describe('headers', () => {
  test.each(['authorization', 'host', 'content-length', 'transfer-encoding', 'cookie'])(
    'refuses to be given %s',
    async (name) => {
      const { transport } = transportWith();
      const request = postTo(new URL('http://127.0.0.1:9/'), {}, { headers: { [name]: 'x' } });
      expect(() => transport.open(request, new UpstreamRecorder())).toThrow(name);
    },
  );

  test('lets no field of the caller stand in for the credential', async () => {
    const seen: unknown[] = [];
    const server = await closing(
      startHttpServer((request, response) => {
        seen.push(request.headers['x-api-key']);
        response.end();
      }),
    );
    const endpoint = endpointEntry(server.url);
    const { recorder } = send(
      transportWith().transport,
      postTo(
        server.url,
        {},
        {
          endpoint,
          server: serverEntry([endpoint], { credential: { header: 'x-api-key', value: 'ours' } }),
          headers: { 'x-api-key': 'theirs' },
        },
      ),
    );
    expect(await recorder.end).toBeUndefined();
    expect(seen).toEqual(['ours']);
  });

  test('reports a value that can not stand in a header after open() has returned', async () => {
    const recorder = new UpstreamRecorder();
    const request = postTo(new URL('http://127.0.0.1:9/'), {}, { headers: { 'x-a': 'a\r\nb: c' } });
    const { transport } = transportWith();
    transport.open(request, recorder);
    expect(recorder.endings).toBe(0);
    expect(await recorder.end).toMatchObject({ nothingSent: true });
  });

  test('ends an answer whose headers are too large', async () => {
    const server = await closing(
      startTcpServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const line = `x-endless: ${'a'.repeat(8_000)}\r\n`;
        const more = () => {
          while (!socket.destroyed && socket.write(line));
        };
        socket.on('drain', more);
        socket.resume();
        more();
      }),
    );
    const { recorder } = send(transportWith().transport, postTo(server.url));
    expect(await recorder.end).toMatchObject({ reason: 'upstream_too_large', nothingSent: false });
  });
});

describe('an exchange that fails', () => {
  test('says that nothing was sent when the connection is refused', async () => {
    const server = await startHttpServer(() => undefined);
    await server.close();
    const { transport, seen } = transportWith();
    const { recorder } = send(transport, postTo(server.url));
    expect(await recorder.end).toMatchObject({
      reason: 'upstream_connect_failed',
      nothingSent: true,
      detail: expect.stringContaining('ECONNREFUSED'),
    });
    expect(seen).toMatchObject({ failedConnects: 1, failures: ['upstream_connect_failed'] });
  });

  test('says that nothing was sent when the name has no address', async () => {
    const { recorder } = send(
      transportWith().transport,
      postTo(new URL('http://upstream.invalid/mcp')),
    );
    expect(await recorder.end).toMatchObject({
      reason: 'upstream_connect_failed',
      nothingSent: true,
    });
  });

  test('gives up an endpoint that is silent after it has read the request', async () => {
    const server = await closing(startHttpServer((request) => void request.resume()));
    const { recorder } = send(
      transportWith().transport,
      postTo(server.url, {}, { headTimeoutMs: 50 }),
    );
    expect(await recorder.end).toMatchObject({ reason: 'upstream_timeout', nothingSent: false });
  });

  test('gives up an endpoint that never reads', async () => {
    const server = await closing(startTcpServer((socket) => void socket.pause()));
    const { recorder } = send(
      transportWith().transport,
      postTo(server.url, 'x'.repeat(16 << 20), { headTimeoutMs: 100 }),
    );
    expect(await recorder.end).toMatchObject({ reason: 'upstream_timeout', nothingSent: false });
  });

  test('gives up a body that falls silent', async () => {
    const server = await closing(
      startHttpServer((_request, response) => void response.write('begun')),
    );
    const { recorder } = send(
      transportWith().transport,
      postTo(server.url, {}, { idleTimeoutMs: 100 }),
    );
    await recorder.until(() => recorder.text === 'begun');
    expect(await recorder.end).toMatchObject({ reason: 'upstream_timeout', nothingSent: false });
  });

  test('tells a body that breaks off from one that ends', async () => {
    const server = await closing(
      startHttpServer((_request, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('short', () => response.destroy());
      }),
    );
    const { recorder } = send(transportWith().transport, postTo(server.url));
    expect(await recorder.end).toMatchObject({ reason: 'upstream_closed', nothingSent: false });
    expect(recorder.endings).toBe(1);
  });

  test('tells a reset from an end within a chunked body', async () => {
    const server = await closing(
      startTcpServer((socket) => {
        socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n', () =>
            socket.resetAndDestroy(),
          );
        });
      }),
    );
    const { recorder } = send(transportWith().transport, postTo(server.url));
    expect(await recorder.end).toMatchObject({ reason: 'upstream_closed', nothingSent: false });
  });

  test('ends when the endpoint half-closes without an answer', async () => {
    const server = await closing(
      startTcpServer((socket) => void socket.once('data', () => socket.end())),
    );
    const { recorder } = send(transportWith().transport, postTo(server.url));
    expect(await recorder.end).toMatchObject({ reason: 'upstream_closed', nothingSent: false });
  });

  test.each([
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['a broken chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
    ['a header without a name', 'HTTP/1.1 200 OK\r\n: x\r\n\r\n'],
  ])('calls %s an invalid answer', async (_name, bytes) => {
    const server = await closing(
      startTcpServer((socket) => void socket.once('data', () => socket.write(bytes))),
    );
    const { recorder } = send(transportWith().transport, postTo(server.url));
    expect(await recorder.end).toMatchObject({ reason: 'upstream_invalid', nothingSent: false });
  });

  test('refuses an unasked protocol switch', async () => {
    const server = await closing(
      startTcpServer((socket) => {
        socket.once('data', () =>
          socket.write('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
        );
      }),
    );
    const { recorder } = send(transportWith().transport, postTo(server.url));
    expect(await recorder.end).toMatchObject({ nothingSent: false });
  });

  test('opens a new connection where the endpoint closes each', async () => {
    const server = await closing(
      startHttpServer((_request, response) => {
        response.writeHead(200, { connection: 'close' }).end('x');
      }),
    );
    const { transport } = transportWith({ bounds: { callsMax: 1 } });
    const sent = Array.from({ length: 5 }, () => send(transport, postTo(server.url)));
    for (const { recorder } of sent) expect(await recorder.end).toBeUndefined();
    const again = send(transport, postTo(server.url));
    expect(await again.recorder.end).toBeUndefined();
    expect(server.connections()).toBe(6);
  });

  test('works on after the endpoint closed idle connections', async () => {
    const sockets: net.Socket[] = [];
    const server = await closing(
      startHttpServer((request, response) => {
        sockets.push(request.socket);
        response.end('x');
      }),
    );
    const { transport } = transportWith();
    for (let call = 0; call < 3; call += 1) {
      const { recorder } = send(transport, postTo(server.url));
      expect(await recorder.end).toBeUndefined();
      const socket = sockets.at(-1);
      if (socket === undefined) throw new Error('a connection expected');
      const closed = once(socket, 'close');
      socket.end();
      await closed;
    }
    expect(server.connections()).toBe(3);
  });
});

/** Writes for ever, counting what it could hand to the kernel. */
function flood(response: ServerResponse): { written: number } {
  const state = { written: 0 };
  const chunk = Buffer.alloc(16_384, 'x');
  const more = () => {
    let open = true;
    while (open && !response.destroyed) {
      state.written += chunk.length;
      open = response.write(chunk);
    }
  };
  response.on('drain', more);
  more();
  return state;
}

describe('backpressure and abort', () => {
  test('stops the endpoint while paused, and goes on where it was', async () => {
    let state = { written: 0 };
    const server = await closing(
      startHttpServer((_request, response) => {
        state = flood(response);
      }),
    );
    const { recorder, exchange } = send(transportWith().transport, postTo(server.url));
    await recorder.until(() => recorder.bytes > 100_000);
    exchange.pause();
    const atPause = recorder.bytes;
    // The kernel's buffers fill up; then the writer gets no further.
    let before = -1;
    for (let tries = 0; tries < 200 && before !== state.written; tries += 1) {
      before = state.written;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(before).toBe(state.written);
    // At most the chunk that was being read when the pause came.
    expect(recorder.bytes).toBeLessThanOrEqual(atPause + 65_536);
    const beyond = state.written + 1_000_000;
    exchange.resume();
    await recorder.until(() => recorder.bytes > beyond);
    exchange.abort();
  });

  test('closes its own connection and no other', async () => {
    const responses: ServerResponse[] = [];
    const server = await closing(
      startHttpServer((_request, response) => {
        responses.push(response);
        response.write('data');
      }),
    );
    const { transport } = transportWith();
    const first = send(transport, postTo(server.url));
    await first.recorder.until(() => first.recorder.bytes > 0);
    const second = send(transport, postTo(server.url));
    await second.recorder.until(() => second.recorder.bytes > 0);
    const [one, two] = responses;
    if (one === undefined || two === undefined) throw new Error('two responses expected');
    const closed = once(one, 'close');
    first.exchange.abort();
    first.exchange.abort();
    await closed;
    two.end('more');
    expect(await second.recorder.end).toBeUndefined();
    expect(second.recorder.text).toBe('datamore');
    expect(first.recorder.endings).toBe(0);
    expect(transport.sums()).toMatchObject({ calls: 0, streams: 0, queued: 0 });
  });

  test('delivers nothing after an abort from within onData', async () => {
    const server = await closing(startHttpServer((_request, response) => void flood(response)));
    const { transport } = transportWith();
    let chunks = 0;
    const done = Promise.withResolvers<void>();
    const exchange = transport.open(postTo(server.url), {
      onHead: () => undefined,
      onData: () => {
        chunks += 1;
        exchange.abort();
        setImmediate(done.resolve);
      },
      onEnd: () => done.reject(new Error('ended')),
      onFailure: () => done.reject(new Error('failed')),
    });
    await done.promise;
    expect(chunks).toBe(1);
    expect(transport.sums().calls).toBe(0);
  });

  test('pauses from the head on', async () => {
    const server = await closing(
      startHttpServer((_request, response) => void response.end('x'.repeat(100_000))),
    );
    const { recorder, exchange } = send(transportWith().transport, postTo(server.url));
    exchange.pause();
    await recorder.head;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(recorder.bytes).toBe(0);
    exchange.resume();
    expect(await recorder.end).toBeUndefined();
    expect(recorder.bytes).toBe(100_000);
  });

  test('resumes one exchange from within the data of another', async () => {
    const server = await closing(
      startHttpServer((_request, response) => {
        for (let part = 0; part < 20; part += 1) response.write('x'.repeat(10_000));
        response.end();
      }),
    );
    const { transport } = transportWith();
    const first = send(transport, postTo(server.url));
    first.exchange.pause();
    await first.recorder.head;
    const ended = Promise.withResolvers<unknown>();
    transport.open(postTo(server.url), {
      onHead: () => undefined,
      onData: () => first.exchange.resume(),
      onEnd: () => ended.resolve(undefined),
      onFailure: ended.resolve,
    });
    expect(await ended.promise).toBeUndefined();
    expect(await first.recorder.end).toBeUndefined();
    expect(first.recorder.bytes).toBe(200_000);
  });
});

describe('bounds', () => {
  test('lets waiting calls in as others end, and refuses what is beyond the queue', async () => {
    const responses: ServerResponse[] = [];
    let arrived: () => void = () => undefined;
    const server = await closing(
      startHttpServer((_request, response) => {
        responses.push(response);
        arrived();
      }),
    );
    const { transport } = transportWith({ bounds: { callsMax: 2, queuedCallsMax: 2 } });
    const two = new Promise<void>((resolve) => {
      arrived = () => responses.length === 2 && resolve();
    });
    const sent = Array.from({ length: 5 }, () => send(transport, postTo(server.url)));
    expect(transport.sums()).toMatchObject({ calls: 2, queued: 2 });
    const [first, second, third, fourth, fifth] = sent;
    expect(await fifth?.recorder.end).toMatchObject({
      reason: 'endpoint_unavailable',
      nothingSent: true,
    });
    await two;
    fourth?.exchange.abort();
    expect(transport.sums().queued).toBe(1);
    const three = new Promise<void>((resolve) => {
      arrived = () => responses.length === 3 && resolve();
    });
    responses[0]?.end('a');
    await three;
    expect(transport.sums()).toMatchObject({ calls: 2, queued: 0 });
    for (const response of responses) response.end('b');
    for (const each of [first, second, third]) expect(await each?.recorder.end).toBeUndefined();
    expect(transport.sums()).toMatchObject({ calls: 0, queued: 0 });
    expect(server.connections()).toBeLessThanOrEqual(3);
  });

  test('counts the wait for a place towards the head time-out', async () => {
    const server = await closing(startHttpServer(() => undefined));
    const { transport } = transportWith({ bounds: { callsMax: 1 } });
    const first = send(transport, postTo(server.url, {}, { headTimeoutMs: 5_000 }));
    const second = send(transport, postTo(server.url, {}, { headTimeoutMs: 50 }));
    expect(await second.recorder.end).toMatchObject({
      reason: 'upstream_timeout',
      nothingSent: true,
    });
    first.exchange.abort();
  });

  test('open streams take no place from calls', async () => {
    const server = await closing(
      startHttpServer((request, response) => {
        if (request.method === 'GET' || request.url === '/stream') {
          response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
          response.write(': hello\n\n');
        } else {
          response.end('{}');
        }
      }),
    );
    const { transport } = transportWith({ bounds: { callsMax: 1, streamsMax: 4 } });
    const gets = Array.from({ length: 2 }, () =>
      send(
        transport,
        postTo(server.url, undefined, { method: 'GET', body: undefined, idleTimeoutMs: 0 }),
      ),
    );
    for (let round = 0; round < 2; round += 1) {
      const post = send(transport, postTo(new URL('/stream', server.url)));
      await post.recorder.head;
    }
    for (const get of gets) await get.recorder.head;
    expect(transport.sums()).toMatchObject({ calls: 0, streams: 4 });
    const call = send(transport, postTo(server.url));
    expect(await call.recorder.end).toBeUndefined();
    const fifth = send(
      transport,
      postTo(server.url, undefined, { method: 'GET', body: undefined, idleTimeoutMs: 0 }),
    );
    expect(await fifth.recorder.end).toMatchObject({ reason: 'endpoint_unavailable' });
  });

  test('bounds the time to connect by the server’s own setting', async () => {
    // It accepts the connection, but never answers the TLS handshake.
    const server = await closing(startTcpServer((socket) => void socket.resume()));
    const url = new URL(server.url.href.replace('http:', 'https:'));
    const endpoint = endpointEntry(url);
    const { recorder } = send(
      transportWith().transport,
      postTo(url, {}, { endpoint, server: serverEntry([endpoint], { connectTimeoutMs: 100 }) }),
    );
    expect(await recorder.end).toMatchObject({
      reason: 'upstream_connect_failed',
      nothingSent: true,
      detail: expect.stringContaining('UND_ERR_CONNECT_TIMEOUT'),
    });
  });
});

describe('life of a pool', () => {
  test('gives connections of unused endpoints back', async () => {
    let nowMs = 0;
    const sockets: net.Socket[] = [];
    const server = await closing(
      startHttpServer((request, response) => {
        sockets.push(request.socket);
        response.end();
      }),
    );
    const { transport } = transportWith({
      bounds: { poolIdleMs: 1_000 },
      clockMs: () => nowMs,
    });
    const { recorder } = send(transport, postTo(server.url));
    await recorder.end;
    transport.prune();
    expect(transport.sums().pools).toBe(1);
    nowMs = 1_000;
    const [socket] = sockets;
    if (socket === undefined) throw new Error('a connection expected');
    const closed = once(socket, 'close');
    transport.prune();
    await closed;
    expect(transport.sums().pools).toBe(0);
  });

  test('an endpoint that moves keeps its running exchange and sends the next to the new place', async () => {
    const responses: ServerResponse[] = [];
    const arrived = Promise.withResolvers<void>();
    const from = await closing(
      startHttpServer((_request, response) => {
        responses.push(response);
        arrived.resolve();
      }),
    );
    const to = await closing(startHttpServer((_request, response) => response.end('new')));
    const { transport } = transportWith();
    const old = send(transport, postTo(from.url));
    await arrived.promise;
    const moved = send(transport, postTo(to.url));
    await moved.recorder.end;
    expect(moved.recorder.text).toBe('new');
    responses[0]?.end('old');
    expect(await old.recorder.end).toBeUndefined();
    expect(old.recorder.text).toBe('old');
  });

  test('closing ends what runs and what waits, and refuses what comes after', async () => {
    const server = await closing(startHttpServer(() => undefined));
    const { transport } = transportWith({ bounds: { callsMax: 1 } });
    const running = send(transport, postTo(server.url));
    const waiting = send(transport, postTo(server.url));
    await transport.close();
    expect(await running.recorder.end).toMatchObject({ reason: 'upstream_closed' });
    expect(await waiting.recorder.end).toMatchObject({
      reason: 'upstream_closed',
      nothingSent: true,
    });
    expect(running.recorder.endings + waiting.recorder.endings).toBe(2);
  });
});
