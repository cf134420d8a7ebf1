import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Policy } from '../../common/policy/policy.ts';
import type { OrganizationEntry } from '../../data-plane/snapshot/snapshot.ts';
import { testPolicy } from '../support/policy-call.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import {
  modernRequest,
  type ProxyUpstream,
  type SeenRequest,
  startProxyUpstream,
} from '../support/proxy-upstream.ts';

type Form = 'small JSON' | 'chunked JSON' | 'events';
const forms: readonly Form[] = ['small JSON', 'chunked JSON', 'events'];

let node: ProxyHarness;
let upstream: ProxyUpstream;
let url: string;
/** Text of the upstream's next answers. */
let answer: string;
let form: Form;

function respond(_request: SeenRequest, response: ServerResponse): void {
  const events = form === 'events';
  response.writeHead(200, {
    'content-type': events ? 'text/event-stream' : 'application/json',
    ...(form === 'small JSON' && { 'content-length': Buffer.byteLength(answer) }),
  });
  const text = events ? `id: 1\nevent: message\ndata: ${answer}\n\n` : answer;
  const middle = Math.floor(text.length / 2);
  response.write(text.slice(0, middle));
  setImmediate(() => response.end(text.slice(middle)));
}

beforeEach(async () => {
  form = 'small JSON';
  upstream = await startProxyUpstream(respond);
  node = await new ProxyHarness().start();
  url = node.serve('files', upstream.url, { era: 'dual' });
});

afterEach(async () => {
  await node.close();
  await upstream.close();
});

function keyFor(scopes: readonly string[]): Record<string, string> {
  const key = node.snapshot.addKey(node.organization, 'user:1', { scopes });
  return { authorization: `Bearer ${key}` };
}

function setPolicies(policies: readonly Policy[], fields: Partial<OrganizationEntry> = {}): void {
  const organization = { ...node.organization, ...fields };
  node.snapshot.organizations.set('acme', organization);
  node.snapshot.setPolicies(organization, policies);
}

const legacy = (method: string, id: unknown = 1) => ({ jsonrpc: '2.0', id, method, params: {} });

/** Text of the one message of an answer. */
async function messageOf(response: Response): Promise<string> {
  const text = await response.text();
  if (form !== 'events') return text;
  return /^data: (.*)$/m.exec(text)?.[1] ?? '';
}

async function list(method: string, headers: Record<string, string> = {}): Promise<string> {
  return messageOf(await node.post(url, legacy(method), headers));
}

async function listModern(method: string, headers: Record<string, string> = {}): Promise<string> {
  const request = modernRequest(method, {});
  return messageOf(await node.post(url, request.message, { ...request.headers, ...headers }));
}

const result = (text: string) => `{"jsonrpc":"2.0","result":${text},"id":1}`;
const tools =
  '[{"name":"read","inputSchema":{"maximum":1e400}}, {"name":"write"} ,{ "name" : "stat" }]';
const narrow = ['mcp:files:read', 'mcp:files:stat'];

describe.each(forms)('in an answer of %s', (one) => {
  beforeEach(() => {
    form = one;
  });

  test('a caller sees the tools that its scopes cover, as their bytes came', async () => {
    answer = result(`{"tools":${tools},"nextCursor":"2"}`);
    const narrowed = '[{"name":"read","inputSchema":{"maximum":1e400}} ,{ "name" : "stat" }]';
    expect(await list('tools/list', keyFor(narrow))).toBe(
      result(`{"tools":${narrowed},"nextCursor":"2"}`),
    );
    expect(await list('tools/list', keyFor(['mcp:files']))).toBe(answer);
    expect(await list('tools/list')).toBe(answer);
  });

  test('an emptied page keeps its cursor', async () => {
    answer = result('{"nextCursor":"","tools":[{"name":"write"}]}');
    expect(await list('tools/list', keyFor(narrow))).toBe(result('{"nextCursor":"","tools":[]}'));
  });

  test('what was narrowed is private and soon stale, also when nothing was taken out', async () => {
    const headers = keyFor(narrow);
    answer = result('{"ttlMs":3600000,"tools":[{"name":"read"}],"cacheScope":"public"}');
    expect(await listModern('tools/list', headers)).toBe(
      result('{"ttlMs":60000,"tools":[{"name":"read"}],"cacheScope":"private"}'),
    );
    expect(await listModern('tools/list')).toBe(answer);
    answer = result('{"tools":[],"cacheScope":"private","ttlMs":5}');
    expect(await listModern('tools/list', headers)).toBe(answer);
    answer = result('{}');
    expect(await listModern('server/discover', headers)).toBe(
      result('{"ttlMs":0,"cacheScope":"private"}'),
    );
    answer = result('{"tools":[],"ttlMs":"x"}');
    expect(await listModern('tools/list', headers)).toBe(
      result('{"tools":[],"ttlMs":0,"cacheScope":"private"}'),
    );
  });

  test.each([
    '{"tools":{"name":"read"}}',
    '{"tools":null}',
    '{"tools":"read"}',
    '{"tools":[{"name":"read"},]}',
    '{"tools":[{"name":"read"}',
  ])('a list that can’t be read is refused: %s', async (text) => {
    answer = `{"jsonrpc":"2.0","id":1,"result":${text}}`;
    const response = await node.post(url, legacy('tools/list'), keyFor(narrow));
    expect(response.status).toBe(form === 'events' ? 200 : 502);
    const last = (await response.text()).split('\n').findLast((line) => line.includes('{')) ?? '';
    expect(JSON.parse(last.replace(/^data: /, ''))).toMatchObject({
      id: 1,
      error: { code: -31475, data: { reason: 'upstream_invalid' } },
    });
    expect(node.recorder.records.at(-1)).toMatchObject({
      decision: 'DECISION_FAILED',
      reason: 'upstream_invalid',
    });
  });

  test('both of two lists of one name are narrowed', async () => {
    answer = result('{"tools":[{"name":"write"}],"t\\u006fols":[{"name":"write"}]}');
    expect(await list('tools/list', keyFor(narrow))).not.toContain('write');
  });

  test('a list that is too large is refused', async () => {
    const text = 'x'.repeat(100_000);
    const items = Array.from({ length: 42 }, (_, n) => ({ name: `t${n}`, description: text }));
    answer = result(JSON.stringify({ tools: items }));
    const response = await node.post(url, legacy('tools/list'), keyFor(narrow));
    expect(await response.text()).toContain('"reason":"upstream_too_large"');
    expect(await list('tools/list')).toBe(answer);
  });

  test('policies take out what they surely deny, of every list', async () => {
    setPolicies([
      testPolicy('no-writes', { tools: ['write*'] }),
      testPolicy('args', { position: 2, tools: ['stat'], condition: 'args.path == "/x"' }),
      testPolicy('secrets', { position: 3, resources: ['file:///secret/**'] }),
      testPolicy('prompts', { position: 4, prompts: ['p1'] }),
    ]);
    answer = result(`{"tools":${tools}}`);
    expect(JSON.parse(await list('tools/list'))).toMatchObject({
      result: { tools: [{ name: 'read' }, { name: 'stat' }] },
    });
    answer = result('{"prompts":[{"name":"p1"},{"name":"p2"}]}');
    expect(await list('prompts/list')).toBe(result('{"prompts":[{"name":"p2"}]}'));
    answer = result(
      '{"resources":[{"uri":"file:///secret/a","name":"a"},{"uri":"FILE:///pub/../secret/b"},{"uri":"file:///pub/c"}]}',
    );
    expect(await list('resources/list')).toBe(result('{"resources":[{"uri":"file:///pub/c"}]}'));
    answer = result(
      '{"resourceTemplates":[{"uriTemplate":"file:///secret/{id}"},{"uriTemplate":"file:///{+path}"}]}',
    );
    expect(await list('resources/templates/list')).toBe(
      result('{"resourceTemplates":[{"uriTemplate":"file:///{+path}"}]}'),
    );
  });

  test('what no policy allows is left out where the default is to deny', async () => {
    setPolicies([testPolicy('reads', { effect: 'allow', tools: ['read'] })], {
      policyDefault: 'deny',
    });
    answer = result(`{"tools":${tools}}`);
    expect(JSON.parse(await list('tools/list'))).toMatchObject({
      result: { tools: [{ name: 'read' }] },
    });
    const pub = testPolicy('pub', { effect: 'allow', resources: ['file:///pub/**'] });
    setPolicies([pub], { policyDefault: 'deny' });
    answer = result(
      '{"resourceTemplates":[{"uriTemplate":"file:///priv/{id}"},{"uriTemplate":"file:///{+path}"}]}',
    );
    expect(await list('resources/templates/list')).toBe(
      result('{"resourceTemplates":[{"uriTemplate":"file:///{+path}"}]}'),
    );
    answer = result(`{"tools":${tools}}`);
    setPolicies([], { policyDefault: 'deny' });
    expect(JSON.parse(await list('tools/list'))).toMatchObject({ result: { tools: [] } });
  });

  test('approved definitions decide where policies read them', async () => {
    const condition = '!tool.annotations.readOnlyHint';
    setPolicies([testPolicy('reads-only', { tools: ['*'], condition })]);
    const server = node.snapshot.server(node.organization.id, 'files');
    node.snapshot.toolPins.set(`${server?.id}/read`, {
      tool: 'read',
      hash: 'a'.repeat(64),
      annotations: {
        title: '',
        readOnly: true,
        destructive: undefined,
        idempotent: undefined,
        openWorld: undefined,
      },
    });
    answer = result(`{"tools":${tools}}`);
    expect(JSON.parse(await list('tools/list'))).toMatchObject({
      result: { tools: [{ name: 'read' }] },
    });
  });
});

test('errors and other members pass as they came', async () => {
  answer = '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"no","data":{"tools":[1]}}}';
  expect(await list('tools/list', keyFor(narrow))).toBe(answer);
});

describe('a batch', () => {
  const headers = { 'mcp-protocol-version': '2025-03-26' };
  const batch = [legacy('tools/list', 1), legacy('ping', 2)];

  test.each(forms)('that is answered in %s is narrowed too', async (one) => {
    form = one;
    answer = `[${result('{"tools":[{"name":"write"},{"name":"read"}]}')},{"jsonrpc":"2.0","id":2,"result":{}}]`;
    const response = await node.post(url, batch, { ...headers, ...keyFor(narrow) });
    expect(JSON.parse(await messageOf(response))).toMatchObject([
      { result: { tools: [{ name: 'read' }] } },
      { id: 2, result: {} },
    ]);
  });

  test('that is answered in an event for each message is narrowed too', async () => {
    form = 'events';
    answer = `${result('{"tools":[{"name":"write"},{"name":"read"}]}')}\n\ndata: {"jsonrpc":"2.0","id":2,"result":{}}`;
    const response = await node.post(url, batch, { ...headers, ...keyFor(narrow) });
    const text = await response.text();
    expect(text).toContain('"tools":[{"name":"read"}]');
    expect(text).toContain('"id":2');
  });
});

test('an answer that comes again on a resumed stream is narrowed too', async () => {
  form = 'events';
  answer = result('{"tools":[{"name":"write"},{"name":"read"}]}');
  const response = await fetch(url, {
    headers: { ...node.headers(), ...keyFor(narrow), 'last-event-id': '0' },
  });
  expect(await messageOf(response)).toBe(result('{"tools":[{"name":"read"}]}'));
});
