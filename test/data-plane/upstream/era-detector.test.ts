import { randomUUID } from 'node:crypto';
import type http from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { McpServer as LegacyServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import type { UpstreamEra } from '../../../data-plane/snapshot/snapshot.ts';
import { EraDetector } from '../../../data-plane/upstream/era-detector.ts';
import { StreamableHttpTransport } from '../../../data-plane/upstream/streamable-http-transport.ts';
import { loopbackUpstreams } from '../../support/upstream-bounds.ts';
import { endpointEntry, serverEntry } from '../../support/upstream-entries.ts';
import { readBody, startHttpServer } from '../../support/upstream-server.ts';

const eraFreshMs = 300_000;
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function detector(probeTimeoutMs = 10_000) {
  const clock = { nowMs: 0 };
  const transport = new StreamableHttpTransport({
    bounds: loopbackUpstreams,
    metrics: { connected: () => undefined, failed: () => undefined },
    clockMs: () => clock.nowMs,
  });
  closers.push(() => transport.close());
  const eras = new EraDetector({
    probeTimeoutMs,
    eraFreshMs,
    transport,
    clockMs: () => clock.nowMs,
  });
  return { eras, clock };
}

/** Starts a server; `seen` names each request that it got. */
async function serve(handler: http.RequestListener) {
  const seen: string[] = [];
  const server = await startHttpServer((request, response) => {
    seen.push(`${request.method} ${request.headers['mcp-method'] ?? '-'}`);
    handler(request, response);
  });
  closers.push(() => server.close());
  const endpoint = endpointEntry(server.url);
  return { endpoint, entry: serverEntry([endpoint]), seen };
}

function fixed(status: number, body = '', type = 'application/json'): http.RequestListener {
  return (request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(status, { 'content-type': type }).end(body));
  };
}

function error(code: number, data?: unknown): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id: 'era-discover',
    error: { code, message: 'x', data },
  });
}

/** Answers `server/discover` and `initialize` in its own way. */
function byMethod(answers: Record<string, [number, string]>): http.RequestListener {
  return async (request, response) => {
    const { method } = JSON.parse((await readBody(request)) || '{}') as { method?: string };
    const [status, body] = answers[method ?? ''] ?? [404, ''];
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  };
}

const initialized = JSON.stringify({
  jsonrpc: '2.0',
  id: 'era-initialize',
  result: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: {} },
});

function discovered(...supportedVersions: string[]): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 'era-discover', result: { supportedVersions } });
}

/** The SDK of the legacy era, with sessions. */
function sdkSessions() {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const handler: http.RequestListener = async (request, response) => {
    const id = String(request.headers['mcp-session-id']);
    const known = transports.get(id);
    if (known !== undefined) return known.handleRequest(request, response);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (session) => void transports.set(session, transport),
      onsessionclosed: (session) => void transports.delete(session),
    });
    // The SDK's own types don't agree with exactOptionalPropertyTypes.
    await new LegacyServer({ name: 'legacy', version: '1' }).connect(transport as never);
    return transport.handleRequest(request, response);
  };
  return { transports, handler };
}

describe('the era of real servers', () => {
  test('SDK 1.32 with sessions is legacy, and no session is left behind', async () => {
    const { transports, handler } = sdkSessions();
    const { entry, endpoint } = await serve(handler);
    expect(await detector().eras.eraOf(entry, endpoint)).toBe('legacy');
    expect(transports.size).toBe(0);
  });

  test('SDK 1.32 without sessions is legacy', async () => {
    const { entry, endpoint } = await serve(async (request, response) => {
      // SDK 1.x takes leaving the option out for "no sessions".
      const transport = new StreamableHTTPServerTransport({});
      await new LegacyServer({ name: 'legacy', version: '1' }).connect(transport as never);
      await transport.handleRequest(request, response);
    });
    expect(await detector().eras.eraOf(entry, endpoint)).toBe('legacy');
  });

  test.each([
    ['stateless', 'dual'],
    ['reject', 'modern'],
  ] as const)('SDK 2.4 with legacy: %s is %s', async (legacy, era) => {
    const handler = createMcpHandler(() => new McpServer({ name: 'dual', version: '1' }), {
      legacy,
    });
    closers.push(() => handler.close());
    const node = toNodeHandler(handler);
    const { entry, endpoint } = await serve((request, response) => {
      node(request as never, response).catch(() => response.destroy());
    });
    expect(await detector().eras.eraOf(entry, endpoint)).toBe(era);
  });
});

describe('the era by what a server says', () => {
  const cases: [string, http.RequestListener, UpstreamEra | undefined][] = [
    ['a list of both eras', fixed(200, discovered('2026-07-28', '2025-11-25')), 'dual'],
    ['a list of legacy versions', fixed(200, discovered('2025-11-25')), 'legacy'],
    [
      'a list of modern versions and a served initialize',
      byMethod({
        'server/discover': [200, discovered('2026-07-28')],
        initialize: [200, initialized],
      }),
      'dual',
    ],
    [
      'unsupported version, newer ones only',
      fixed(400, error(-32022, { supported: ['2027-01-01'] })),
      'modern',
    ],
    [
      'unsupported version, legacy ones only',
      fixed(400, error(-32022, { supported: ['2025-06-18'] })),
      'legacy',
    ],
    ['unsupported version without a list', fixed(400, error(-32022)), 'modern'],
    ['a header mismatch', fixed(400, error(-32020)), 'modern'],
    ['a missing capability', fixed(400, error(-32021)), 'modern'],
    ['an unknown method with 404', fixed(404, error(-32601)), 'modern'],
    ['an unknown method with 200', fixed(200, error(-32601)), 'legacy'],
    ['a missing session', fixed(400, error(-32000)), 'legacy'],
    ['a bare 404', fixed(404, 'Not found', 'text/plain'), 'legacy'],
    ['a bare 405', fixed(405), 'legacy'],
    ['JSON that is no response', fixed(200, '[]'), 'legacy'],
    [
      'an event stream',
      fixed(200, `data: ${discovered('2026-07-28', '2025-03-26')}\n\n`, 'text/event-stream'),
      'dual',
    ],
    ['401', fixed(401), undefined],
    ['429', fixed(429), undefined],
    ['503', fixed(503), undefined],
    ['a redirect', fixed(308), undefined],
    ['silence', (request) => void request.resume(), undefined],
    ['an endless answer', (_request, response) => endless(response), 'legacy'],
  ];

  test.each(cases)('%s', async (name, handler, era) => {
    const { entry, endpoint } = await serve(handler);
    const { eras } = detector(name === 'silence' ? 200 : undefined);
    expect(await eras.eraOf(entry, endpoint)).toBe(era);
  });
});

function endless(response: http.ServerResponse): void {
  const chunk = Buffer.alloc(65_536, 'x');
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
}

describe('how often it asks', () => {
  test('never where the era is set or the transport fixes it', async () => {
    const { endpoint, seen } = await serve(fixed(200, discovered('2026-07-28')));
    const { eras } = detector();
    const set = serverEntry([endpoint], { era: 'modern' });
    const sse = serverEntry([endpoint], { transport: 'http-sse' });
    expect(await eras.eraOf(set, endpoint)).toBe('modern');
    expect(eras.known(set, endpoint)).toBe('modern');
    expect(await eras.eraOf(sse, endpoint)).toBe('legacy');
    expect(seen).toEqual([]);
  });

  test('once for many callers, then not until the answer is old', async () => {
    const { entry, endpoint, seen } = await serve(
      fixed(200, discovered('2026-07-28', '2025-11-25')),
    );
    const { eras, clock } = detector();
    expect(eras.known(entry, endpoint)).toBeUndefined();
    const all = await Promise.all(Array.from({ length: 20 }, () => eras.eraOf(entry, endpoint)));
    expect(new Set(all)).toEqual(new Set(['dual']));
    clock.nowMs = eraFreshMs - 1;
    await eras.eraOf(entry, endpoint);
    expect(seen.length).toBe(1);
    expect(eras.known(entry, endpoint)).toBe('dual');
  });

  test('an old answer serves while the new one is fetched', async () => {
    let supported = ['2025-11-25'];
    let asked: () => void = () => undefined;
    const { entry, endpoint } = await serve((request, response) => {
      request.resume();
      response.end(discovered(...supported), () => asked());
    });
    const { eras, clock } = detector();
    expect(await eras.eraOf(entry, endpoint)).toBe('legacy');
    supported = ['2026-07-28', '2025-11-25'];
    clock.nowMs = eraFreshMs;
    const again = new Promise<void>((resolve) => {
      asked = resolve;
    });
    expect(await eras.eraOf(entry, endpoint)).toBe('legacy');
    await again;
    while (eras.known(entry, endpoint) === 'legacy') await new Promise(setImmediate);
    expect(await eras.eraOf(entry, endpoint)).toBe('dual');
  });

  test('again when a call shows the opposite, or the endpoint moves', async () => {
    const first = await serve(fixed(200, discovered('2025-11-25')));
    const { eras } = detector();
    await eras.eraOf(first.entry, first.endpoint);
    eras.observed(first.endpoint, 'legacy', true);
    eras.observed(first.endpoint, 'modern', false);
    await eras.eraOf(first.entry, first.endpoint);
    expect(first.seen.length).toBe(1);
    eras.observed(first.endpoint, 'legacy', false);
    await eras.eraOf(first.entry, first.endpoint);
    expect(first.seen.length).toBe(2);
    const second = await serve(fixed(200, discovered('2026-07-28', '2025-11-25')));
    expect(await eras.eraOf(second.entry, second.endpoint)).toBe('dual');
  });

  test('an unreachable endpoint is left alone for a while, then asked again', async () => {
    let status = 503;
    const { entry, endpoint, seen } = await serve((request, response) => {
      request.resume();
      response.writeHead(status).end(discovered('2025-11-25'));
    });
    const { eras, clock } = detector();
    expect(await eras.eraOf(entry, endpoint)).toBeUndefined();
    expect(await eras.eraOf(entry, endpoint)).toBeUndefined();
    expect(seen.length).toBe(1);
    status = 200;
    clock.nowMs = 2_000;
    expect(await eras.eraOf(entry, endpoint)).toBe('legacy');
    status = 503;
    clock.nowMs += eraFreshMs;
    expect(await eras.eraOf(entry, endpoint)).toBe('legacy');
  });
});

test('ends the session that asking for the legacy era has opened', async () => {
  const ended = Promise.withResolvers<http.IncomingHttpHeaders>();
  const { entry, endpoint } = await serve(async (request, response) => {
    const body = await readBody(request);
    if (request.method === 'DELETE') {
      ended.resolve(request.headers);
      response.end();
    } else if (body.includes('server/discover')) {
      response.end(discovered('2026-07-28'));
    } else {
      response.writeHead(200, { 'mcp-session-id': 'probe-1' }).end(initialized);
    }
  });
  expect(await detector().eras.eraOf(entry, endpoint)).toBe('dual');
  expect((await ended.promise)['mcp-session-id']).toBe('probe-1');
});
