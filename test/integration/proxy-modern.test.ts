import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ProxyHarness } from '../support/proxy-harness.ts';
import {
  answerResult,
  modernRequest,
  type ProxyUpstream,
  type SeenRequest,
  startProxyUpstream,
} from '../support/proxy-upstream.ts';

let node: ProxyHarness;
let upstream: ProxyUpstream;
let url: string;
let answer: (request: SeenRequest, response: ServerResponse) => void;

beforeEach(async () => {
  answer = (request, response) => answerResult(request, response, { resultType: 'complete' });
  upstream = await startProxyUpstream((request, response) => answer(request, response));
  node = await new ProxyHarness().start();
  url = node.serve('plain', upstream.url, { era: 'modern' });
});

afterEach(async () => {
  await node.close();
  await upstream.close();
});

function call(method: string, params: Record<string, unknown>, extra: Record<string, string> = {}) {
  const { message, headers } = modernRequest(method, params);
  return node.post(url, message, { ...headers, ...extra });
}

async function errorOf(response: Response) {
  const body = (await response.json()) as {
    error: { code: number; data: Record<string, unknown> };
  };
  return [response.status, body.error.code, body.error.data['reason']];
}

describe('a modern call', () => {
  test('is stateless: session and Last-Event-ID are ignored, routing headers go up', async () => {
    const extra = { 'mcp-session-id': 'x', 'last-event-id': '7', 'mcp-param-region': 'eu' };
    const response = await call('tools/call', { name: 'echo', arguments: {} }, extra);
    expect(response.status).toBe(200);
    expect(response.headers.has('mcp-session-id')).toBe(false);
    const { headers } = upstream.seen[0] ?? { headers: {} };
    expect(headers).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'echo',
      'mcp-param-region': 'eu',
    });
    expect(headers).not.toHaveProperty('mcp-session-id');
    expect(headers).not.toHaveProperty('last-event-id');
    expect(node.recorder.records).toMatchObject([{ era: 'modern', target: 'echo' }]);
  });

  test('whose headers and body differ is refused with the specification’s code', async () => {
    const response = await call('tools/call', { name: 'echo' }, { 'mcp-name': 'other' });
    expect(await errorOf(response)).toEqual([400, -32020, 'header_mismatch']);
    expect(upstream.seen).toEqual([]);
  });

  test('of an unknown version is told the supported ones', async () => {
    const { message, headers } = modernRequest('tools/list', {});
    const text = JSON.stringify(message).replaceAll('2026-07-28', '2027-01-01');
    const response = await node.post(url, text, {
      ...headers,
      'mcp-protocol-version': '2027-01-01',
    });
    expect(await response.json()).toMatchObject({
      error: { code: -32022, data: { supported: ['2026-07-28'], requested: '2027-01-01' } },
    });
  });

  test('for a legacy server gets a 400 that makes the client fall back', async () => {
    const legacy = node.serve('legacy', upstream.url, { era: 'legacy' });
    const { message, headers } = modernRequest('tools/list', {});
    const response = await node.post(legacy, message, headers);
    expect(await errorOf(response)).toEqual([400, -31453, 'era_not_supported']);
    expect(upstream.seen).toEqual([]);
  });

  test('has neither GET nor DELETE', async () => {
    for (const method of ['GET', 'DELETE']) {
      const headers = node.headers();
      const plain = await fetch(url, { method, headers });
      const versioned = { ...headers, 'mcp-protocol-version': '2026-07-28' };
      const other = await fetch(url, { method, headers: versioned });
      expect([plain.status, plain.headers.get('allow')]).toEqual([405, 'POST']);
      expect([other.status, other.headers.get('allow')]).toEqual([405, 'POST']);
    }
  });

  test.each([-32020, -32021, -32022, -32601])('passes the error code %i', async (code) => {
    const status = code === -32601 ? 404 : 400;
    const body = `{"jsonrpc":"2.0","id":1,"error":{"code":${code},"message":"no"}}`;
    answer = (_request, response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    const response = await call('tools/list', {});
    expect([response.status, await response.text()]).toEqual([status, body]);
    expect(node.recorder.records).toMatchObject([{ rpcErrorCode: code, httpStatus: status }]);
  });
});

describe('closing the answer', () => {
  test.each(['before its head', 'application/json', 'text/event-stream'])(
    'cancels the call at the upstream (%s)',
    async (type) => {
      const gone = Promise.withResolvers<void>();
      const asked = Promise.withResolvers<void>();
      answer = (_request, response) => {
        response.on('close', () => gone.resolve());
        if (type.includes('/')) {
          response.writeHead(200, { 'content-type': type });
          response.write(type.endsWith('json') ? '{"jsonrpc":' : ': wait\n\n');
        }
        asked.resolve();
      };
      const leaving = new AbortController();
      const { message, headers } = modernRequest('tools/call', { name: 'slow' });
      const pending = fetch(url, {
        method: 'POST',
        headers: { ...node.headers(), 'content-type': 'application/json', ...headers },
        body: JSON.stringify(message),
        signal: leaving.signal,
      });
      pending.catch(() => undefined);
      await asked.promise;
      if (type.includes('/')) await pending;
      leaving.abort();
      await gone.promise;
      expect(await node.recorder.until(() => true)).toMatchObject({ outcome: 'client_closed' });
    },
  );
});

describe('subscriptions/listen', () => {
  test('relays the acknowledgment at once, before anything else happens', async () => {
    const acknowledged =
      'data: {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{}}\n\n';
    let stream: ServerResponse | undefined;
    answer = (_request, response) => {
      stream = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(acknowledged);
    };
    const response = await call('subscriptions/listen', {
      notifications: { toolsListChanged: true },
    });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect(await reader?.read()).toEqual({ done: false, value: acknowledged });
    expect(node.recorder.records.map(({ phase }) => phase)).toEqual(['CALL_PHASE_START']);
    stream?.end();
    expect(await reader?.read()).toMatchObject({ done: true });
    const [start, end] = node.recorder.records;
    expect(end).toMatchObject({ phase: 'CALL_PHASE_END', outcome: 'completed' });
    expect(end?.callId).toBe(start?.callId);
  });
});

describe('what an upstream lets the client carry', () => {
  const state = 'upstream state \u00e9"\\';

  async function requestState(): Promise<string> {
    answer = (request, response) =>
      answerResult(request, response, { resultType: 'input_required', requestState: state });
    const response = await call('tools/call', { name: 'ask' });
    const body = (await response.json()) as { result: { requestState: string } };
    return body.result.requestState;
  }

  function stateSeen(): unknown {
    const body = JSON.parse(upstream.seen.at(-1)?.body ?? '{}') as {
      params: { requestState: unknown };
    };
    return body.params.requestState;
  }

  test('comes back as it was, for this caller', async () => {
    const sealed = await requestState();
    expect(sealed).not.toContain('upstream');
    await call('tools/call', { name: 'ask', requestState: sealed, inputResponses: {} });
    expect(stateSeen()).toBe(state);
  });

  test('names nothing when another caller brings it, or when it is made up', async () => {
    const sealed = await requestState();
    const authorization = `Bearer ${node.snapshot.addKey(node.organization, 'user:2')}`;
    await call('tools/call', { name: 'ask', requestState: sealed }, { authorization });
    expect(stateSeen()).toMatch(/^unknown-/);
    await call('tools/call', { name: 'ask', requestState: state });
    expect(stateSeen()).toMatch(/^unknown-/);
  });

  test('is sealed within events, and nothing else of them changes', async () => {
    const before =
      'id: 1\ndata: {"jsonrpc":"2.0","id":1,"result":{"big":12345678901234567890,"requestState":';
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`${before}"sta`);
      setImmediate(() => response.end('te","resultType":"input_required"}}\n\n'));
    };
    const text = await (await call('tools/call', { name: 'ask' })).text();
    expect(text.startsWith(before)).toBe(true);
    expect(text.slice(before.length)).toMatch(
      /^"k1\.[\w-]+","resultType":"input_required"\}\}\n\n$/,
    );
  });

  test('task ids keep their value for the caller, in body and header', async () => {
    answer = (request, response) =>
      answerResult(request, response, { resultType: 'task', taskId: 'task-1', status: 'working' });
    const taskId = async (): Promise<string> => {
      const response = await call('tools/call', { name: 'long' });
      return ((await response.json()) as { result: { taskId: string } }).result.taskId;
    };
    const sealed = await taskId();
    expect(sealed).not.toContain('task-1');
    expect(await taskId()).toBe(sealed);
    await call('tasks/get', { taskId: sealed });
    const seen = upstream.seen.at(-1);
    expect(seen?.headers['mcp-name']).toBe('task-1');
    expect(JSON.parse(seen?.body ?? '')).toMatchObject({ params: { taskId: 'task-1' } });
    const big = `{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"n":1234567890123456789012,"taskId":${JSON.stringify(sealed)}}}`;
    await node.post(url, big);
    expect(upstream.seen.at(-1)?.body).toBe(big.replace(sealed, 'task-1'));
  });
});
