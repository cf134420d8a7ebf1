import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ClientRoute } from '../support/client-gateway.ts';
import { clients } from '../support/client-providers.ts';
import { connectSdk2 } from '../support/client-sdk2.ts';
import type { ClientSession, ConnectClient } from '../support/client-session.ts';
import { startServerEverything, type UpstreamProcess } from '../support/client-upstreams.ts';
import { testPolicy } from '../support/policy-call.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import { answerResult, type SeenRequest, startProxyUpstream } from '../support/proxy-upstream.ts';
import {
  type ReferenceUpstream,
  startReferenceUpstream,
} from '../support/reference-upstream/reference-upstream.ts';
import { startSseServer } from '../support/upstream-sse-server.ts';

let everything: UpstreamProcess;
let reference: ReferenceUpstream;
let node: ProxyHarness;
let sessions: ClientSession[];

beforeAll(async () => {
  everything = await startServerEverything();
  reference = await startReferenceUpstream(0);
});

afterAll(async () => {
  await reference.close();
  await everything.stop();
});

beforeEach(async () => {
  sessions = [];
  node = await new ProxyHarness().start();
});

afterEach(async () => {
  await Promise.all(sessions.map((session) => session.close()));
  await node.close();
});

async function open(
  connect: ConnectClient,
  url: string,
  scopes: readonly string[] = ['mcp:*'],
): Promise<ClientSession> {
  const apiKey = node.snapshot.addKey(node.organization, 'user:1', { scopes });
  const route: ClientRoute = { url, apiKey };
  const session = await connect(route);
  sessions.push(session);
  return session;
}

/** Resolves once the client has been told so many times that its tools have changed. */
function changed({ notifications }: ClientSession, times = 1) {
  let told = 0;
  return notifications.find(({ method }) => {
    if (method === 'notifications/tools/list_changed') told += 1;
    return told === times;
  });
}

/** Resolves once a stream on which changes are announced stands. */
function listening(session: ClientSession) {
  const method = session.era === 'legacy' ? 'GET' : 'subscriptions/listen';
  return node.recorder.until((call) => call.method === method && call.phase === 'CALL_PHASE_START');
}

describe.each(clients)('the lists of %s', (_client, connect, era) => {
  test('are those of its scopes', async () => {
    const url = node.serve('everything', everything.url);
    const session = await open(connect, url, ['mcp:everything:echo', 'mcp:everything:get-sum']);
    expect(await session.toolNames()).toEqual(['echo', 'get-sum']);
    expect((await session.call('echo', { message: 'hello' })).text).toBe('Echo: hello');
    await expect(session.call('get-env')).rejects.toThrow();
    const all = await open(connect, url);
    expect(await all.toolNames()).toContain('get-env');
  });

  test('are those that policies leave', async () => {
    node.snapshot.setPolicies(node.organization, [
      testPolicy('tools', { tools: ['test_*'], condition: 'tool.name != "test_simple_text"' }),
      testPolicy('prompts', { prompts: ['*arguments'] }),
      testPolicy('resources', { resources: ['test://static-**', 'test://template/**'] }),
    ]);
    const session = await open(connect, node.serve('reference', reference.url));
    expect(session.era).toBe(era);
    const tools = await session.toolNames();
    expect(tools).toContain('test_simple_text');
    expect(tools.filter((name) => name.startsWith('test_'))).toEqual(['test_simple_text']);
    expect(await session.promptNames()).not.toContain('test_prompt_with_arguments');
    expect(await session.resourceUris()).toEqual([
      'test://embedded-resource',
      'test://watched-resource',
    ]);
    expect(await session.templateUris()).toEqual([]);
  });

  test.each([
    ['reference', () => reference.url],
    ['everything', () => everything.url],
  ])('are announced as changed when a policy changes them (%s)', async (slug, upstreamUrl) => {
    const session = await open(connect, node.serve(slug, upstreamUrl()));
    const before = await session.toolNames();
    if (session.era === 'modern') await session.watch('test://watched-resource');
    await listening(session);
    const [first = '', ...others] = before;
    node.snapshot.setPolicies(node.organization, [testPolicy('one', { tools: [first] })]);
    node.publish();
    await changed(session);
    expect(await session.toolNames()).toEqual(others);
    await expect(session.call(first)).rejects.toThrow(/one/);
  });

  test('tell of no resource that the client may not read', async () => {
    const watched = 'test://watched-resource';
    const url = node.serve('reference', reference.url);
    const session = await open(connect, url);
    const other = await open(connect, url);
    await session.watch(watched);
    await listening(session);
    node.snapshot.setPolicies(node.organization, [testPolicy('one', { resources: [watched] })]);
    node.publish();
    await changed(session);
    await other.call('test_trigger_resource_update');
    await other.call('test_trigger_tool_change');
    await changed(session, 2);
    const methods = session.notifications.items.map(({ method }) => method);
    expect(methods).not.toContain('notifications/resources/updated');
  });
});

test('a page that was emptied leads to the next one', async () => {
  const pages: Record<string, object> = {
    '': { tools: [{ name: 'write', inputSchema: { type: 'object' } }], nextCursor: 'two' },
    two: { tools: [{ name: 'read', inputSchema: { type: 'object' } }] },
  };
  const upstream = await startProxyUpstream((request: SeenRequest, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const { method, params } = JSON.parse(request.body) as {
      method: string;
      params?: { cursor?: string };
    };
    if (method === 'initialize') {
      const serverInfo = { name: 'pages', version: '1' };
      const capabilities = { tools: {} };
      answerResult(request, response, { protocolVersion: '2025-11-25', serverInfo, capabilities });
    } else if (method === 'tools/list') {
      answerResult(request, response, pages[params?.cursor ?? '']);
    } else {
      response.writeHead(202).end();
    }
  });
  const url = node.serve('pages', upstream.url, { era: 'legacy' });
  const session = await open(connectSdk2('legacy'), url, ['mcp:pages:read']);
  expect(await session.toolNames()).toEqual(['read']);
  await session.close();
  await upstream.close();
});

test.each(clients.filter(([, , era]) => era === 'legacy'))(
  'an HTTP+SSE server’s lists are narrowed and announced to %s, too',
  async (_client, connect) => {
    const upstream = await startSseServer({
      onMessage({ session, message: { id, method }, response }) {
        response.writeHead(202).end('Accepted');
        if (method === 'initialize') {
          const serverInfo = { name: 'sse', version: '1' };
          const capabilities = { tools: { listChanged: true } };
          const result = { protocolVersion: '2024-11-05', serverInfo, capabilities };
          session.send({ jsonrpc: '2.0', id, result });
        } else if (method === 'tools/list') {
          const tools = ['read', 'write'].map((name) => ({
            name,
            inputSchema: { type: 'object' },
          }));
          session.send({ jsonrpc: '2.0', id, result: { tools } });
        }
        return true;
      },
    });
    const url = node.serve('sse', upstream.url, { transport: 'http-sse', era: 'legacy' });
    const narrow = await open(connect, url, ['mcp:sse:read']);
    expect(await narrow.toolNames()).toEqual(['read']);
    await listening(narrow);
    const [key] = [...node.snapshot.apiKeys.values()].slice(-1);
    if (key === undefined) throw new Error('There is no key.');
    node.snapshot.apiKeys.set(key.keyId, { ...key, scopes: ['mcp:sse:write'] });
    node.publish();
    await changed(narrow);
    expect(await narrow.toolNames()).toEqual(['write']);
    await narrow.close();
    await upstream.close();
  },
);
