import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Policy } from '../../common/policy/policy.ts';
import type { ApiKeyEntry } from '../../data-plane/snapshot/snapshot.ts';
import { testPolicy } from '../support/policy-call.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import {
  answerResult,
  modernRequest,
  type ProxyUpstream,
  type SeenRequest,
  startProxyUpstream,
} from '../support/proxy-upstream.ts';

const allLists = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
};
const toolsMethod = 'notifications/tools/list_changed';
const noWrites = testPolicy('no-writes', { tools: ['write'] });

let node: ProxyHarness;
let upstream: ProxyUpstream;
let url: string;
let capabilities: object;
let upstreamSessions: number;
let open: ServerResponse[];

function respond(request: SeenRequest, response: ServerResponse): void {
  if (request.body.includes('"initialize"')) {
    upstreamSessions += 1;
    response.setHeader('mcp-session-id', `upstream-${upstreamSessions}`);
    answerResult(request, response, { protocolVersion: '2025-11-25', capabilities });
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  open.push(response);
}

beforeEach(async () => {
  capabilities = allLists;
  upstreamSessions = 0;
  open = [];
  upstream = await startProxyUpstream(respond);
  node = await new ProxyHarness().start();
  url = node.serve('files', upstream.url, { era: 'dual' });
});

afterEach(async () => {
  await node.close();
  await upstream.close();
});

function publishPolicies(policies: readonly Policy[]): void {
  node.snapshot.setPolicies(node.organization, policies);
  node.publish();
}

function changeKey(fields: Partial<ApiKeyEntry>): void {
  const [key] = node.snapshot.apiKeys.values();
  if (key === undefined) throw new Error('There is no key.');
  node.snapshot.apiKeys.set(key.keyId, { ...key, ...fields });
}

interface Stream {
  /** Everything that came, once it matches. */
  until(pattern: RegExp): Promise<string>;
  close(): Promise<void>;
}

function reading(response: Response): Stream {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    async until(pattern) {
      while (!pattern.test(text)) {
        const next = await reader?.read();
        if (next === undefined || next.done) throw new Error(`It ended before ${pattern}: ${text}`);
        text += next.value;
      }
      return text;
    },
    close: async () => reader?.cancel(),
  };
}

async function beginSession(): Promise<Record<string, string>> {
  const params = { protocolVersion: '2025-11-25', capabilities: {} };
  const response = await node.post(url, { jsonrpc: '2.0', id: 1, method: 'initialize', params });
  await response.text();
  return {
    'mcp-session-id': response.headers.get('mcp-session-id') ?? '',
    'mcp-protocol-version': '2025-11-25',
  };
}

async function get(session: Record<string, string>): Promise<Stream> {
  return reading(await fetch(url, { headers: { ...node.headers(), ...session } }));
}

/** A subscription with this filter, of which the upstream honours what it is given. */
async function listen(notifications: object, honoured = notifications, id: unknown = 'sub "1"') {
  const request = modernRequest('subscriptions/listen', { notifications }, id);
  const stream = reading(await node.post(url, request.message, request.headers));
  const params = {
    notifications: honoured,
    _meta: { 'io.modelcontextprotocol/subscriptionId': id },
  };
  send(open.at(-1), { method: 'notifications/subscriptions/acknowledged', params });
  await stream.until(/acknowledged/);
  return stream;
}

function send(response: ServerResponse | undefined, message: object): void {
  response?.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
}

function methodsIn(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => (JSON.parse(line.slice('data: '.length)) as { method: string }).method);
}

/** A message behind which nothing that was announced before it can come. */
const last = { method: 'notifications/message', params: { level: 'info', data: 'last' } };

describe('a legacy session', () => {
  test('hears of each list that its server promised, when the policies change', async () => {
    const stream = await get(await beginSession());
    publishPolicies([noWrites]);
    const text = await stream.until(/resources\/list_changed.*\n\n/);
    expect(text).toBe(
      ['tools', 'prompts', 'resources']
        .map((list) => `{"jsonrpc":"2.0","method":"notifications/${list}/list_changed"}`)
        .map((message) => `event: message\ndata: ${message}\n\n`)
        .join(''),
    );
    await stream.close();
  });

  test.each([
    [{ tools: {}, prompts: { listChanged: true } }, ['notifications/prompts/list_changed']],
    [{ tools: { listChanged: false } }, []],
    [{}, []],
  ])('of a server with %j hears of no other', async (promised, methods) => {
    capabilities = promised;
    const stream = await get(await beginSession());
    publishPolicies([noWrites]);
    send(open[0], last);
    expect(methodsIn(await stream.until(/last/))).toEqual([...methods, last.method]);
    await stream.close();
  });

  test('hears of it between two whole events, whose ids stay as they are', async () => {
    const stream = await get(await beginSession());
    open[0]?.write('id: 7\r\nevent: message\r\ndata: {"method":"notifications/a",');
    await stream.until(/\/a",/);
    publishPolicies([noWrites]);
    open[0]?.write('"jsonrpc":"2.0"}\r\n\r\nid: 8\ndata: {"jsonrpc":"2.0","method":"b"}\n\n');
    const text = await stream.until(/"b"\}\n\n/);
    const notification = `event: message\ndata: {"jsonrpc":"2.0","method":"${toolsMethod}"}\n\n`;
    expect(text).toContain(`{"method":"notifications/a","jsonrpc":"2.0"}\r\n\r${notification}`);
    expect(text.match(/^id: .*$/gm)).toEqual(['id: 7', 'id: 8']);
    expect(methodsIn(text.replaceAll('\r', ''))).toHaveLength(5);
    await stream.close();
  });

  test('hears of it on one of its streams', async () => {
    const session = await beginSession();
    const first = await get(session);
    const second = await get(session);
    publishPolicies([noWrites]);
    await second.until(/resources\/list_changed/);
    send(open[0], last);
    expect(methodsIn(await first.until(/last/))).toEqual([last.method]);
    await Promise.all([first.close(), second.close()]);
  });

  test('hears of changes that follow each other once a second', async () => {
    capabilities = { tools: { listChanged: true } };
    const stream = await get(await beginSession());
    const startedMs = performance.now();
    for (let change = 0; change < 20; change += 1) {
      publishPolicies(change % 2 === 0 ? [noWrites] : []);
    }
    const text = await stream.until(/list_changed[\s\S]*list_changed/);
    expect(performance.now() - startedMs).toBeGreaterThan(950);
    send(open[0], last);
    expect(methodsIn(await stream.until(/last/))).toHaveLength(methodsIn(text).length + 1);
    await stream.close();
  });
});

describe('a subscription', () => {
  const filter = { toolsListChanged: true, promptsListChanged: true };

  test('hears of the lists that its server honours, under its own id', async () => {
    const stream = await listen(filter, { toolsListChanged: true });
    publishPolicies([noWrites]);
    send(open[0], last);
    const text = await stream.until(/last/);
    expect(methodsIn(text).slice(1)).toEqual([toolsMethod, last.method]);
    expect(text).toContain(
      `{"jsonrpc":"2.0","method":"${toolsMethod}","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"sub \\"1\\""}}}`,
    );
    await stream.close();
  });

  test('hears of a change before its acknowledgment right after it', async () => {
    const request = modernRequest('subscriptions/listen', { notifications: filter }, 12);
    const stream = reading(await node.post(url, request.message, request.headers));
    publishPolicies([noWrites]);
    send(open[0], {
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: filter },
    });
    send(open[0], last);
    expect(methodsIn(await stream.until(/last/)).slice(0, 2)).toEqual([
      'notifications/subscriptions/acknowledged',
      toolsMethod,
    ]);
    await stream.close();
  });

  test.each<[string, () => void, number]>([
    ['its key’s scopes', () => changeKey({ scopes: ['mcp:files:read'] }), 1],
    ['its key’s roles', () => changeKey({ roles: ['developer'] }), 1],
    ['its key’s label', () => changeKey({ label: 'renamed' }), 0],
    [
      'the server’s labels',
      () => {
        const server = node.snapshot.server(node.organization.id, 'files');
        if (server === undefined) throw new Error('There is no server.');
        const changed = { ...server, labels: new Map([['tier', 'gold']]) };
        node.snapshot.servers.set(`${node.organization.id}/files`, changed);
      },
      1,
    ],
    [
      'the server’s approved definitions',
      () => node.snapshot.toolPinMarks.set('server-acme-files', {}),
      1,
    ],
    [
      'the default',
      () =>
        node.snapshot.organizations.set('acme', { ...node.organization, policyDefault: 'deny' }),
      1,
    ],
    ['another organization’s policies', () => node.snapshot.addOrganization('other'), 0],
  ])('hears of a change of %s as often as it matters', async (_, change, count) => {
    node.snapshot.setPolicies(node.organization, [noWrites]);
    const stream = await listen({ toolsListChanged: true });
    change();
    node.publish();
    send(open[0], last);
    const methods = methodsIn(await stream.until(/last/)).slice(1);
    expect(methods).toEqual([...Array(count).fill(toolsMethod), last.method]);
    await stream.close();
  });

  test('goes up without resources that its caller may not read, and hears of none', async () => {
    publishPolicies([testPolicy('secrets', { resources: ['file:///secret/**'] })]);
    const uris = ['file:///a', 'file:///secret/b', 'FILE:///x/../secret/c'];
    const left = { resourceSubscriptions: ['file:///a'] };
    const stream = await listen({ resourceSubscriptions: uris }, left);
    expect(JSON.parse(upstream.seen.at(-1)?.body ?? '')).toMatchObject({
      params: { notifications: left },
    });
    const updated = (uri: string) => ({
      method: 'notifications/resources/updated',
      params: { uri },
    });
    send(open[0], updated('file:///secret/b'));
    send(open[0], updated('file:///a'));
    expect(await stream.until(/"file:\/\/\/a"\}\}\n\n/)).not.toContain('secret');
    // What is denied later is heard of no more, either.
    publishPolicies([testPolicy('secrets', { resources: ['file:///**'] })]);
    send(open[0], updated('file:///a'));
    send(open[0], last);
    const methods = methodsIn(await stream.until(/last/));
    expect(methods.filter((method) => method === updated('').method)).toHaveLength(1);
    await stream.close();
  });

  test('is the client’s own text where nothing is taken out', async () => {
    publishPolicies([noWrites]);
    const request = modernRequest('subscriptions/listen', {
      notifications: { resourceSubscriptions: ['file:///a'] },
    });
    const text = JSON.stringify(request.message, undefined, 1);
    const stream = reading(await node.post(url, text, request.headers));
    expect(upstream.seen.at(-1)?.body).toBe(text);
    await stream.close();
  });

  test.each([true, false])('for tools goes on when its key’s scopes change (%s)', async (tools) => {
    changeKey({ scopes: ['mcp:files'] });
    const notifications = tools ? { toolsListChanged: true } : { promptsListChanged: true };
    const stream = await listen(notifications);
    changeKey({ scopes: ['mcp:files:read'] });
    node.publish();
    if (tools) await stream.until(/list_changed"/);
    else await stream.until(/scope_insufficient/);
    await stream.close();
  });
});

test('a legacy session hears of no resource that its caller may not read', async () => {
  publishPolicies([testPolicy('secrets', { resources: ['file:///secret/**'] })]);
  const stream = await get(await beginSession());
  const event = (id: number, uri: string) =>
    `: a comment\nid: ${id}\nevent: message\ndata: {"params":{"uri":"${uri}"},"jsonrpc":"2.0","method":"notifications/resources/updated"}\n\n`;
  const text = event(1, 'file:///a') + event(2, 'file:///secret/b') + event(3, 'file:///c');
  for (const part of text) open[0]?.write(part);
  const seen = await stream.until(/file:\/\/\/c"[\s\S]*\n\n/);
  expect(seen).toBe(`${event(1, 'file:///a')}: a comment\n${event(3, 'file:///c')}`);
  await stream.close();
});

test('nor does a call’s own stream tell of it', async () => {
  publishPolicies([testPolicy('secrets', { resources: ['file:///secret/**'] })]);
  const session = await beginSession();
  const call = { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'read' } };
  const stream = reading(await node.post(url, call, session));
  send(open[0], { method: 'notifications/resources/updated', params: { uri: 'file:///secret/b' } });
  const batch = { jsonrpc: '2.0', method: 'notifications/resources/updated', params: {} };
  open[0]?.write(
    `data: [${JSON.stringify({ ...batch, params: { uri: 'file:///secret/c' } })}]\n\n`,
  );
  send(open[0], { id: 5, result: { content: [] } });
  expect(await stream.until(/"result"[\s\S]*\n\n/)).toBe(
    'data: {"jsonrpc":"2.0","id":5,"result":{"content":[]}}\n\n',
  );
  await stream.close();
});

test('all of many streams hear of a change, and none that is closed', async () => {
  const streams: Stream[] = [];
  for (let index = 0; index < 250; index += 1) {
    const key = node.snapshot.addKey(node.organization, `user:${index}`);
    const request = modernRequest('subscriptions/listen', { notifications: {} }, index);
    const headers = { ...request.headers, authorization: `Bearer ${key}` };
    const response = await node.post(url, request.message, headers);
    streams.push(reading(response));
    send(open.at(-1), {
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { toolsListChanged: true } },
    });
    await streams.at(-1)?.until(/acknowledged/);
  }
  const [closed, ...others] = streams;
  const [leg] = open;
  if (leg === undefined) throw new Error('The upstream has no stream.');
  await Promise.all([once(leg, 'close'), closed?.close()]);
  publishPolicies([noWrites]);
  await Promise.all(others.map((stream) => stream.until(/list_changed"/)));
  await Promise.all(others.map((stream) => stream.close()));
});
