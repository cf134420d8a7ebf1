import { afterEach, describe, expect, test } from '@jest/globals';
import { ProxyHarness } from '../support/proxy-harness.ts';
import { startHttpServer, startTcpServer } from '../support/upstream-server.ts';
import { type SseServerScript, startSseServer } from '../support/upstream-sse-server.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startProxy(headTimeoutMs = 20_000): Promise<ProxyHarness> {
  const proxy = await new ProxyHarness({ pipeline: { headTimeoutMs } }).start();
  closers.push(() => proxy.close());
  return proxy;
}

const initialize = {
  jsonrpc: '2.0',
  id: 'init',
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
};

function call(id: unknown) {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'x', arguments: {} } };
}

async function reasonOf(response: Response): Promise<unknown> {
  const { error } = JSON.parse(await response.text()) as { error: { data?: { reason?: unknown } } };
  return error.data?.reason;
}

describe('an HTTP+SSE upstream behind the proxy', () => {
  async function setUp(script: SseServerScript = {}, headTimeoutMs?: number) {
    const server = await startSseServer(script);
    closers.push(() => server.close());
    const proxy = await startProxy(headTimeoutMs);
    const url = proxy.serve('old', server.url, { transport: 'http-sse' });
    return { server, proxy, url };
  }

  async function begin(proxy: ProxyHarness, url: string) {
    const response = await proxy.post(url, initialize);
    expect(response.status).toBe(200);
    await response.text();
    return { 'mcp-session-id': response.headers.get('mcp-session-id') ?? '' };
  }

  test('shows a sealed session id, not the adapter’s', async () => {
    const { proxy, url } = await setUp();
    const session = await begin(proxy, url);
    expect(session['mcp-session-id']).not.toBe('');
    expect(session['mcp-session-id']).not.toContain('sse-');
  });

  test('that names another origin is an invalid upstream', async () => {
    const { proxy, url } = await setUp({ endpoint: () => 'http://127.0.0.1:9/message' });
    const response = await proxy.post(url, initialize);
    expect(response.status).toBe(502);
    expect(await reasonOf(response)).toBe('upstream_invalid');
  });

  test('that wants a credential is not the client’s affair', async () => {
    const { proxy, url } = await setUp({
      onGet: (_request, response) => {
        response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
        return true;
      },
    });
    const response = await proxy.post(url, initialize);
    expect(response.status).toBe(502);
    expect(response.headers.get('www-authenticate')).toBeNull();
    expect(await reasonOf(response)).toBe('upstream_unauthorized');
  });

  test('that is silent is given up in time', async () => {
    const { proxy, url } = await setUp({ onMessage: () => true }, 200);
    const response = await proxy.post(url, initialize);
    expect(response.status).toBe(504);
    expect(await reasonOf(response)).toBe('upstream_timeout');
  });

  test('that is gone answers the next call with 404, so that clients begin anew', async () => {
    const { server, proxy, url } = await setUp();
    const session = await begin(proxy, url);
    server.sessions[0]?.stream.destroy();
    let status = 0;
    for (let tries = 0; tries < 100 && status !== 404; tries += 1) {
      const notice = {
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { requestId: 1 },
      };
      status = (await proxy.post(url, notice, session)).status;
    }
    expect(status).toBe(404);
    expect((await begin(proxy, url))['mcp-session-id']).not.toBe(session['mcp-session-id']);
  });

  test('serves no session to another subject', async () => {
    const { proxy, url } = await setUp();
    const session = await begin(proxy, url);
    const other = proxy.snapshot.addKey(proxy.organization, 'user:2');
    const stolen = await proxy.post(url, call(1), { ...session, authorization: `Bearer ${other}` });
    expect(stolen.status).toBe(404);
  });

  test('ends with DELETE, at the upstream too', async () => {
    const { server, proxy, url } = await setUp();
    const session = await begin(proxy, url);
    const closed = new Promise((resolve) => server.sessions[0]?.stream.on('close', resolve));
    const headers = { ...proxy.headers(), ...session };
    expect((await fetch(url, { method: 'DELETE', headers })).ok).toBe(true);
    await closed;
    expect((await proxy.post(url, call(1), session)).status).toBe(404);
  });
});

describe('a Streamable HTTP upstream behind the proxy', () => {
  test.each([
    ['resets the connection', 'upstream_closed', 502],
    ['speaks no HTTP', 'upstream_invalid', 502],
    ['sends endless headers', 'upstream_too_large', 502],
    ['is silent', 'upstream_timeout', 504],
  ])('that %s is reported as %s', async (how, reason, status) => {
    const server = await startTcpServer((socket) => {
      socket.once('data', () => {
        if (how === 'resets the connection') socket.resetAndDestroy();
        if (how === 'speaks no HTTP') socket.write('220 mail ready\r\n');
        if (how === 'sends endless headers') {
          socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(200_000)}`);
        }
      });
    });
    closers.push(() => server.close());
    const proxy = await startProxy(how === 'is silent' ? 200 : undefined);
    const response = await proxy.post(proxy.serve('odd', server.url), initialize);
    expect(response.status).toBe(status);
    expect(await reasonOf(response)).toBe(reason);
  });

  test('that answers a large call before it has read it is heard, time and again', async () => {
    const server = await startHttpServer((_request, response) => {
      const error = { code: -32600, message: 'too much' };
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id: 7, error }));
    });
    closers.push(() => server.close());
    const proxy = await startProxy();
    const url = proxy.serve('hasty', server.url);
    const params = { name: 'x', arguments: { padding: 'x'.repeat(3_000_000) } };
    for (let each = 0; each < 5; each += 1) {
      const response = await proxy.post(url, { ...call(7), params });
      expect([response.status, await response.text()]).toEqual([
        400,
        expect.stringContaining('too much'),
      ]);
    }
  });

  test('gets a large call whole, with its length', async () => {
    const lengths: unknown[] = [];
    const server = await startHttpServer((request, response) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      request.on('end', () => {
        lengths.push(bytes, Number(request.headers['content-length']));
        response.writeHead(202).end();
      });
    });
    closers.push(() => server.close());
    const proxy = await startProxy();
    const body = JSON.stringify({ ...call(7), padding: 'x'.repeat(3_000_000) });
    await proxy.post(proxy.serve('whole', server.url), body);
    expect(lengths).toEqual([body.length, body.length]);
  });

  test('moves on to an endpoint that can be reached, within one call', async () => {
    const dead = await startHttpServer(() => undefined);
    await dead.close();
    const live = await startHttpServer((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          jsonrpc: '2.0',
          id: 'init',
          result: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: {} },
        }),
      );
    });
    closers.push(() => live.close());
    const proxy = await startProxy();
    const endpoints = [dead, live].map(({ url }, index) => ({ id: `e${index}`, url, weight: 1 }));
    const url = proxy.serve('two', live.url, { endpoints });
    for (let each = 0; each < 4; each += 1) {
      expect((await proxy.post(url, initialize)).status).toBe(200);
    }
  });
});
