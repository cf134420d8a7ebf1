import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Policy } from '../../common/policy/policy.ts';
import type { OrganizationEntry } from '../../data-plane/snapshot/snapshot.ts';
import { testPolicy } from '../support/policy-call.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import {
  answerResult,
  modernRequest,
  type ProxyUpstream,
  startProxyUpstream,
} from '../support/proxy-upstream.ts';

let node: ProxyHarness;
let upstream: ProxyUpstream;
let legacy: string;
let modern: string;

beforeEach(async () => {
  upstream = await startProxyUpstream((request, response) => {
    if (request.body.includes('"initialize"')) response.setHeader('mcp-session-id', 'upstream-1');
    if (request.body.startsWith('[')) {
      const messages = JSON.parse(request.body) as { id?: unknown }[];
      const results = messages
        .filter(({ id }) => id !== undefined)
        .map(({ id }) => ({ jsonrpc: '2.0', id, result: {} }));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(results));
    } else if (request.body.includes('"id"')) {
      answerResult(request, response, { protocolVersion: '2025-11-25', content: [] });
    } else {
      response.writeHead(202).end();
    }
  });
  node = await new ProxyHarness().start();
  legacy = node.serve('files', upstream.url, { era: 'legacy' });
  modern = node.serve('modern', upstream.url, { era: 'modern' });
});

afterEach(async () => {
  await node.close();
  await upstream.close();
});

function settings(fields: Partial<OrganizationEntry>): void {
  node.snapshot.addOrganization('acme', fields);
}

function rules(...policies: Policy[]): void {
  const organization = node.snapshot.organization('acme');
  if (organization === undefined) throw new Error('There is no organization.');
  node.snapshot.setPolicies(organization, policies);
}

function toolCall(args: unknown, name = 'write_file', id: unknown = 1) {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } };
}

interface Answer {
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data: { readonly reason: string; readonly policy?: { readonly name: string } };
  };
  readonly result?: Record<string, unknown>;
}

async function post(message: unknown, headers: Record<string, string> = {}) {
  const response = await node.post(legacy, message, headers);
  const text = await response.text();
  const answer = (text === '' ? {} : JSON.parse(text)) as Answer;
  return { status: response.status, response, answer };
}

async function postModern(method: string, params: Record<string, unknown>) {
  const request = modernRequest(method, params);
  const response = await node.post(modern, request.message, request.headers);
  return { status: response.status, response, answer: (await response.json()) as Answer };
}

/** What became of a call: the reason, or that it went through. */
async function outcome(message: unknown): Promise<string> {
  const { answer } = await post(message);
  return answer.error?.data.reason ?? 'allowed';
}

const denied = 'policy_denied';
const failed = 'policy_evaluation_failed';

describe('a rule on arguments', () => {
  const cases: [string, string, unknown, string][] = [
    [
      'a path below the folder',
      '!pathUnder(args.path, "/srv/data")',
      { path: '/srv/data/a' },
      'allowed',
    ],
    [
      'a path that climbs out',
      '!pathUnder(args.path, "/srv/data")',
      { path: '/srv/data/../x' },
      denied,
    ],
    [
      'a sibling of the folder',
      '!pathUnder(args.path, "/srv/data")',
      { path: '/srv/database' },
      denied,
    ],
    ['a prefix', 'args.path.startsWith("/etc/")', { path: '/etc/passwd' }, denied],
    ['an integer', 'args.amount > 100', { amount: 101 }, denied],
    ['an integer at its bound', 'args.amount > 100', { amount: 100 }, 'allowed'],
    ['a fraction against an integer', 'args.amount > 100', { amount: 100.5 }, denied],
    ['an integer against a fraction', 'args.amount > 0.5', { amount: 1 }, denied],
    ['an integer that equals a fraction', 'args.amount == 2.0', { amount: 2 }, denied],
    ['an integer beyond 53 bits', 'args.amount > 9007199254740991', { amount: 2 ** 60 }, denied],
    ['a number too large for an integer', 'args.amount > 1e300', { amount: 1e301 }, denied],
    ['a text where a number is due', 'args.amount > 100', { amount: '101' }, failed],
    ['a list’s member', '"admin" in args.groups', { groups: ['dev', 'admin'] }, denied],
    ['a list without it', '"admin" in args.groups', { groups: ['dev'] }, 'allowed'],
    ['some of a list', 'args.groups.exists(g, g.startsWith("a"))', { groups: ['b', 'a1'] }, denied],
    ['all of a list', 'args.n.all(n, n > 1)', { n: [2, 3] }, denied],
    ['a missing field', 'args.path == "/x"', {}, failed],
    ['a missing field that is asked for', 'has(args.path) && args.path == "/x"', {}, 'allowed'],
    ['a field of null', 'args.path == null', { path: null }, denied],
    ['a nested field', 'args.a.b.c == 1', { a: { b: { c: 1 } } }, denied],
    ['no arguments at all', 'has(args.path)', undefined, 'allowed'],
    ['a key that needs quotes', 'args["x-y"] == 1', { 'x-y': 1 }, denied],
    ['a key of the prototype', 'has(args.constructor)', {}, 'allowed'],
    ['text outside of the basic plane', 'args.s == "\u{1f600}"', { s: '\u{1f600}' }, denied],
  ];
  test.each(cases)('%s: %s', async (_what, condition, args, expected) => {
    rules(testPolicy('rule', { tools: ['write_file'], condition }));
    expect(await outcome(toolCall(args))).toBe(expected);
  });

  test('denies what is nested deeper, or holds more values, than conditions read', async () => {
    let deep: unknown = 1;
    for (let level = 0; level < 40; level += 1) deep = [deep];
    rules(testPolicy('rule', { tools: ['write_file'], condition: 'has(args.never)' }));
    expect(await outcome(toolCall({ deep }))).toBe(failed);
    expect(await outcome(toolCall({ deep: Array.from({ length: 11_000 }, () => 1) }))).toBe(failed);
    expect(await outcome(toolCall({ deep: 'x'.repeat(1_000_000) }))).toBe('allowed');
    // What reads no arguments is not concerned by them.
    rules(testPolicy('rule', { tools: ['write_file'], condition: 'server.slug == "other"' }));
    expect(await outcome(toolCall({ deep }))).toBe('allowed');
  });

  test('is not got around by arguments that are no object, or by a call without a name', async () => {
    rules(testPolicy('rule', { tools: ['write_file'], condition: 'has(args.path)' }));
    for (const args of [['path'], 'path', 1, null]) {
      expect(await outcome(toolCall(args))).toBe('message_invalid');
    }
    const nameless = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { arguments: {} } };
    expect(await outcome(nameless)).toBe('message_invalid');
    expect(upstream.seen).toEqual([]);
  });

  test('decides prompts by theirs', async () => {
    rules(testPolicy('rule', { prompts: ['*'], condition: 'args.topic == "secret"' }));
    const get = (topic: string) => ({
      jsonrpc: '2.0',
      id: 1,
      method: 'prompts/get',
      params: { name: 'p', arguments: { topic } },
    });
    expect(await outcome(get('secret'))).toBe(denied);
    expect(await outcome(get('public'))).toBe('allowed');
  });
});

describe('what a condition knows of a call', () => {
  const cases: [string, boolean][] = [
    ['principal.subject == "user:1" && principal.kind == "user"', true],
    ['"agent" in principal.roles && "mcp:*" in principal.scopes', true],
    ['principal.credential.kind == "api_key"', true],
    ['server.slug == "modern" && server.labels["tier"] == "gold"', true],
    ['tool.name == "write_file" && tool.approved && tool.annotations.readOnlyHint', true],
    ['tool.hash == "00"', true],
    ['request.method == "tools/call" && request.target == "write_file"', true],
    ['request.era == "modern" && request.kind == "tool"', true],
    ['request.client.name == "desk" && request.client.version == "1.2"', true],
    ['inCidr(request.address, "127.0.0.0/8")', true],
    ['request.headers["x-team"] == "data, ops"', true],
    ['"authorization" in request.headers || "x-other" in request.headers', false],
    ['now > timestamp("2026-01-01T00:00:00Z")', true],
  ];
  test.each(cases)('%s', async (condition, holds) => {
    settings({ policyHeaders: ['x-team', 'authorization'] });
    node.serve('modern', upstream.url, { era: 'modern', labels: new Map([['tier', 'gold']]) });
    node.snapshot.toolPins.set('server-acme-modern/write_file', {
      tool: 'write_file',
      hash: '00',
      annotations: {
        title: '',
        readOnly: true,
        destructive: undefined,
        idempotent: undefined,
        openWorld: undefined,
      },
    });
    rules(testPolicy('rule', { condition }));
    const { message, headers } = modernRequest('tools/call', { name: 'write_file' });
    const client = { 'io.modelcontextprotocol/clientInfo': { name: 'desk', version: '1.2' } };
    Object.assign(message.params._meta, client);
    const sent: [string, string][] = [
      ...Object.entries({ ...node.headers(), ...headers, 'content-type': 'application/json' }),
      ['X-Team', 'data'],
      ['x-team', 'ops'],
      ['x-other', '1'],
    ];
    const response = await fetch(modern, {
      method: 'POST',
      headers: new Headers(sent),
      body: JSON.stringify(message),
    });
    const answer = (await response.json()) as Answer;
    expect(answer.error?.data.reason ?? 'allowed').toBe(holds ? denied : 'allowed');
  });

  test('includes, in a legacy session, the client that began it', async () => {
    rules(testPolicy('rule', { condition: 'request.client.name == "desk"', tools: ['*'] }));
    const clientInfo = { name: 'desk', version: 'v'.repeat(100) };
    const begun = await post({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo },
    });
    const session = begun.response.headers.get('mcp-session-id') ?? '';
    const { answer } = await post(toolCall({}), { 'mcp-session-id': session });
    expect(answer.error?.data.reason).toBe(denied);
    expect(node.recorder.records).toMatchObject([
      { method: 'initialize', clientName: 'desk', clientVersion: 'v'.repeat(64) },
      { method: 'tools/call', clientName: 'desk', clientVersion: 'v'.repeat(64) },
    ]);
  });
});

describe('a refusal', () => {
  const message = 'A policy of the organization denies this call: "no-deletes": Ask the data team.';

  test('names the policy, what it says, and what can be done', async () => {
    rules(testPolicy('no-deletes', { message: 'Ask the data team.', revision: 3 }));
    const { answer, response } = await post(toolCall({}, 'x', 'a-1'));
    expect(answer).toEqual({
      jsonrpc: '2.0',
      id: 'a-1',
      error: {
        code: -31461,
        message,
        data: {
          policy: { name: 'no-deletes', revision: 3 },
          reason: 'policy_denied',
          remedy: 'Ask an admin of the organization; the policy is named.',
          traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
        },
      },
    });
    expect(response.headers.get('www-authenticate')).toBeNull();
    expect(upstream.seen).toEqual([]);
  });

  test('says why a condition could not be evaluated, but no argument’s value', async () => {
    rules(testPolicy('jail', { tools: ['*'], condition: 'args.path == "/x"', message: 'Ask.' }));
    const { answer } = await post(toolCall({ other: 'hunter2' }));
    expect(answer.error?.message).toMatch(
      /^A policy of the organization can’t be decided on this call, so it is denied: "jail": .+\. Ask\.$/,
    );
    expect(JSON.stringify(answer)).not.toContain('hunter2');
    const [record] = node.recorder.records;
    expect(record?.policyError).not.toBe('');
    expect(record).toMatchObject({ policyId: 'jail', policyRevision: 1, reason: failed });
  });

  test('without a policy says that none allows the call', async () => {
    settings({ policyDefault: 'deny' });
    rules(testPolicy('readers', { effect: 'allow', tools: ['read_*'] }));
    const { answer } = await post(toolCall({}));
    expect(answer.error).toMatchObject({
      code: -31462,
      message: 'No policy of the organization allows this call.',
      data: { reason: 'policy_not_allowed' },
    });
    expect(answer.error?.data).not.toHaveProperty('policy');
    expect(await outcome(toolCall({}, 'read_file'))).toBe('allowed');
    expect(node.recorder.records.map(({ policyId }) => policyId)).toEqual(['', 'readers']);
  });

  const forms = [
    ['http-status', 403],
    ['json-rpc-error', 200],
    ['tool-result', 200],
  ] as const;
  const formNames = forms.map(([form]) => form);
  test.each(forms)('of a tool’s call takes the form %s', async (toolRefusalForm, status) => {
    settings({ toolRefusalForm });
    rules(testPolicy('no-deletes', { message: 'Ask the data team.' }));
    const calls = [await post(toolCall({})), await postModern('tools/call', { name: 'x' })];
    for (const [index, call] of calls.entries()) {
      expect(call.status).toBe(status);
      expect(call.response.headers.get('content-type')).toBe('application/json');
      if (toolRefusalForm !== 'tool-result') {
        expect(call.answer.error?.message).toBe(message);
        continue;
      }
      expect(call.answer.result).toEqual({
        ...(index === 0 ? {} : { resultType: 'complete' }),
        content: [
          {
            type: 'text',
            text: `${message} Ask an admin of the organization; the policy is named.`,
          },
        ],
        isError: true,
        _meta: {
          'mcpgw/refusal': expect.objectContaining({
            reason: 'policy_denied',
            policy: { name: 'no-deletes', revision: 1 },
          }),
        },
      });
    }
    const rpcErrorCode = toolRefusalForm === 'tool-result' ? 0 : -31461;
    const expected = { httpStatus: status, rpcErrorCode, decision: 'DECISION_REFUSED' };
    expect(node.recorder.records).toMatchObject([expected, expected]);
  });

  test.each(formNames)(
    'of anything else is an error, where the form is %s',
    async (toolRefusalForm) => {
      settings({ toolRefusalForm });
      rules(testPolicy('rule'));
      const status = toolRefusalForm === 'http-status' ? 403 : 200;
      for (const [method, params] of [
        ['resources/read', { uri: 'file:///a' }],
        ['prompts/get', { name: 'p' }],
        ['logging/setLevel', { level: 'info' }],
        ['acme/unknown', {}],
      ] as const) {
        const answered = await post({ jsonrpc: '2.0', id: 1, method, params });
        expect([answered.status, answered.answer.error?.data.reason]).toEqual([status, denied]);
      }
      const notified = await post({ jsonrpc: '2.0', method: 'notifications/acme', params: {} });
      expect([notified.status, notified.answer.error?.data.reason]).toEqual([403, denied]);
    },
  );

  test('leaves what a session is made of alone', async () => {
    settings({ policyDefault: 'deny' });
    rules(testPolicy('rule'));
    for (const method of ['initialize', 'ping', 'tools/list', 'resources/list', 'prompts/list']) {
      expect(await outcome({ jsonrpc: '2.0', id: 1, method, params: {} })).toBe('allowed');
    }
    const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
    expect((await post(initialized)).status).toBe(202);
    expect((await post({ jsonrpc: '2.0', id: 5, result: {} })).answer.error).toBeUndefined();
  });

  test('of a batch is of the whole of it, with an answer for each request', async () => {
    rules(testPolicy('no-writes', { tools: ['write_*'] }));
    const batch = [
      toolCall({}, 'read_file', 1),
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 9 } },
      toolCall({}, 'write_file', 'two'),
    ];
    const headers = { 'mcp-protocol-version': '2025-03-26' };
    const { status, answer } = await post(batch, headers);
    expect(status).toBe(200);
    expect(answer).toMatchObject([
      { id: 1, error: { data: { reason: denied, policy: { name: 'no-writes' } } } },
      { id: 'two', error: { data: { reason: denied, policy: { name: 'no-writes' } } } },
    ]);
    expect(upstream.seen).toEqual([]);
    const refused = { decision: 'DECISION_REFUSED', reason: denied, policyId: 'no-writes' };
    expect(node.recorder.records).toMatchObject([refused, refused, refused]);
    const allowed = await post([toolCall({}, 'read_file', 1)], headers);
    expect(allowed.answer).toEqual([{ jsonrpc: '2.0', id: 1, result: {} }]);
  });

  test('comes after that of the scopes, which policies can’t widen', async () => {
    rules(testPolicy('all', { effect: 'allow' }));
    const key = node.snapshot.addKey(node.organization, 'user:2', { scopes: ['mcp:other'] });
    const { answer } = await post(toolCall({}), { authorization: `Bearer ${key}` });
    expect(answer.error?.data.reason).toBe('scope_insufficient');
    expect(node.recorder.records).toMatchObject([{ policyId: '' }]);
  });
});

describe('the record of a decision', () => {
  test('names the policy that allowed, what shadow policies would have decided, and the caller', async () => {
    settings({ policyHeaders: ['x-team'] });
    rules(
      testPolicy('allowed', { effect: 'allow', revision: 2 }),
      testPolicy('would-deny', { mode: 'shadow', revision: 7 }),
      testPolicy('would-fail', {
        mode: 'shadow',
        position: 1,
        condition: 'args.x == 1',
        tools: ['*'],
      }),
      testPolicy('silent', { mode: 'shadow', position: 2, tools: ['other'] }),
    );
    await post(toolCall({}), { 'x-team': 'data' });
    expect(node.recorder.records).toMatchObject([
      {
        decision: 'DECISION_ALLOWED',
        policyId: 'allowed',
        policyRevision: 2,
        policyError: '',
        shadowDecisions: [
          { policyId: 'would-deny', policyRevision: 7, outcome: 'SHADOW_OUTCOME_WOULD_DENY' },
          { policyId: 'would-fail', policyRevision: 1, outcome: 'SHADOW_OUTCOME_WOULD_FAIL' },
        ],
        principalRoles: ['agent'],
        principalScopes: ['mcp:*'],
        credentialKind: 'api_key',
        headers: [{ name: 'x-team', value: 'data' }],
      },
    ]);
    expect([...node.decisionCounts.decisions()]).toEqual([
      { labels: { outcome: 'allowed', cause: 'policy' }, count: 1 },
    ]);
    expect(Object.fromEntries(node.decisionCounts.shadow())).toEqual({
      would_deny: 1,
      would_fail: 1,
    });
  });

  test('holds the headers that conditions may read, also while there is no policy', async () => {
    settings({ policyHeaders: ['x-team'] });
    await post(toolCall({}), { 'x-team': 'data' });
    expect(node.recorder.records).toMatchObject([{ headers: [{ name: 'x-team', value: 'data' }] }]);
  });

  test('says what a shadow policy would have allowed', async () => {
    settings({ policyDefault: 'deny' });
    rules(testPolicy('would-allow', { mode: 'shadow', effect: 'allow' }));
    expect(await outcome(toolCall({}))).toBe('policy_not_allowed');
    expect(node.recorder.records).toMatchObject([
      { shadowDecisions: [{ policyId: 'would-allow', outcome: 'SHADOW_OUTCOME_WOULD_ALLOW' }] },
    ]);
  });

  test('names no policy where another stage refused', async () => {
    settings({ mustAudit: true });
    rules(testPolicy('allowed', { effect: 'allow' }));
    node.recorder.room = false;
    expect(await outcome(toolCall({}))).toBe('record_unavailable');
    expect(node.recorder.records).toMatchObject([{ policyId: '', reason: 'record_unavailable' }]);
  });
});
