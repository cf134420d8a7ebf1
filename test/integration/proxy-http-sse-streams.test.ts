import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ProxyHarness, type ProxyHarnessOptions } from '../support/proxy-harness.ts';
import { RawClient } from '../support/proxy-raw-client.ts';
import { startProxyUpstream } from '../support/proxy-upstream.ts';
import { type SseServerScript, startSseServer } from '../support/upstream-sse-server.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

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
const callEcho = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } };
const notice = { jsonrpc: '2.0', method: 'notifications/message', params: { data: 'before' } };
const result = { jsonrpc: '2.0', id: 1, result: { content: [] } };

async function startNode(options: ProxyHarnessOptions = {}): Promise<ProxyHarness> {
  const node = await new ProxyHarness(options).start();
  closers.push(() => node.close());
  return node;
}

async function startOldServer(script: SseServerScript) {
  const server = await startSseServer(script);
  closers.push(() => server.close());
  return server;
}

/** Begins a session; headers that go on with it. */
async function begin(node: ProxyHarness, url: string, headers: Record<string, string>) {
  const response = await node.post(url, initialize, headers);
  await response.text();
  return { ...headers, 'mcp-session-id': response.headers.get('mcp-session-id') ?? '' };
}

/** A stream's text as it comes. */
function reading(response: Response) {
  const arrived = { text: '', whole: Promise.resolve() };
  arrived.whole = (async () => {
    for await (const chunk of response.body ?? []) arrived.text += Buffer.from(chunk).toString();
  })();
  return arrived;
}

describe('an organization that must be audited', () => {
  /** An upstream that says something, then answers the call, and what it was asked. */
  const upstreams = {
    'streamable-http': async () => {
      const server = await startProxyUpstream((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const message of [notice, result]) {
          response.write(`data: ${JSON.stringify(message)}\n\n`);
        }
        response.end(': after\n\n');
      });
      closers.push(() => server.close());
      return server.url;
    },
    'http-sse': async () => {
      const server = await startOldServer({
        onMessage: ({ session, message, response }) => {
          if (message.method !== 'tools/call') return false;
          response.writeHead(202).end();
          session.send({
            ...notice,
            method: 'notifications/progress',
            params: { progressToken: 7 },
          });
          session.send(result);
          return true;
        },
      });
      return server.url;
    },
  };

  test.each(['streamable-http', 'http-sse'] as const)(
    'gets the response event once its record is on disk, and what comes before it at once (%s)',
    async (transport) => {
      const node = await startNode();
      const organization = node.snapshot.addOrganization('audited', { mustAudit: true });
      const authorization = `Bearer ${node.snapshot.addKey(organization, 'user:1')}`;
      node.snapshot.addServer(organization, 'plain', [await upstreams[transport]()], { transport });
      const url = `${node.baseUrl}/audited/plain/mcp`;
      const headers =
        transport === 'http-sse' ? await begin(node, url, { authorization }) : { authorization };
      const flushing = Promise.withResolvers<void>();
      node.recorder.flushing = flushing.promise;
      const params = { ...callEcho.params, _meta: { progressToken: 7 } };
      const arrived = reading(await node.post(url, { ...callEcho, params }, headers));
      const record = await node.recorder.until(({ method }) => method === 'tools/call');
      expect(record).toMatchObject({ decision: 'DECISION_ALLOWED', outcome: 'completed' });
      // Another exchange goes all the way meanwhile.
      await (await fetch(url, { method: 'POST' })).text();
      expect(arrived.text).toContain('notifications/');
      expect(arrived.text).not.toContain('"result"');
      flushing.resolve();
      await arrived.whole;
      expect(arrived.text).toContain('"result"');
      expect(node.recorder.records.filter(({ method }) => method === 'tools/call')).toHaveLength(1);
    },
  );

  test.each(['streamable-http', 'http-sse'] as const)(
    'gets no response event whose record can’t be kept (%s)',
    async (transport) => {
      const node = await startNode();
      const organization = node.snapshot.addOrganization('audited', { mustAudit: true });
      const authorization = `Bearer ${node.snapshot.addKey(organization, 'user:1')}`;
      node.snapshot.addServer(organization, 'plain', [await upstreams[transport]()], { transport });
      const url = `${node.baseUrl}/audited/plain/mcp`;
      const headers =
        transport === 'http-sse' ? await begin(node, url, { authorization }) : { authorization };
      const flushing = Promise.withResolvers<void>();
      node.recorder.flushing = flushing.promise;
      const arrived = reading(await node.post(url, callEcho, headers));
      const cut = expect(arrived.whole).rejects.toThrow();
      await node.recorder.until(({ method }) => method === 'tools/call');
      flushing.reject(new Error('disk full'));
      await cut;
      expect(arrived.text).not.toContain('"result"');
    },
  );
});

describe('a client that reads nothing of an HTTP+SSE server’s messages', () => {
  const event = `data: ${JSON.stringify({ ...notice, params: { data: 'x'.repeat(8_000) } })}\n\n`;

  /** Writes events for as long as the gateway takes them. */
  function flood(stream: ServerResponse) {
    const state = { bytes: 0, over: false };
    const more = () => {
      let room = true;
      while (room && !state.over) {
        room = stream.write(event);
        state.bytes += event.length;
      }
    };
    stream.on('drain', more);
    more();
    return state;
  }

  test('holds the server back instead of filling memory, and is cut after a while', async () => {
    const server = await startOldServer({});
    const node = await startNode({ pipeline: { stallTimeoutMs: 700 } });
    const url = node.serve('old', server.url, { transport: 'http-sse' });
    const session = await begin(node, url, {});
    const client = new RawClient(node.port);
    client.socket.pause();
    client.write(
      `GET /acme/old/mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${node.key}\r\n` +
        `Accept: text/event-stream\r\nMcp-Session-Id: ${session['mcp-session-id']}\r\n\r\n`,
    );
    await node.recorder.until(({ phase }) => phase === 'CALL_PHASE_START');
    const stream = server.sessions[0]?.stream;
    if (stream === undefined) throw new Error('no session');
    const flooded = flood(stream);
    const record = await node.recorder.until(({ phase }) => phase === 'CALL_PHASE_END');
    flooded.over = true;
    client.close();
    expect(record).toMatchObject({ method: 'GET', outcome: 'timeout' });
    // What was taken lies in the kernel's buffers of two loopback connections.
    expect(flooded.bytes).toBeLessThan(16 * 1024 * 1024);
    // The session itself goes on.
    const next = await node.post(url, { ...callEcho, method: 'ping' }, session);
    server.sessions[0]?.send(result);
    expect(await next.text()).toContain('"result"');
  });
});
