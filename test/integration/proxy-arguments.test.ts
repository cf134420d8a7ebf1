import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { OrganizationEntry } from '../../data-plane/snapshot/snapshot.ts';
import { testPolicy } from '../support/policy-call.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import { emptyResult, type ProxyUpstream, startProxyUpstream } from '../support/proxy-upstream.ts';

let node: ProxyHarness;
let upstream: ProxyUpstream;
let url: string;

beforeEach(async () => {
  upstream = await startProxyUpstream((request, response) => {
    if (!request.body.includes('"slow"')) {
      emptyResult(request, response);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
  });
  node = await new ProxyHarness({ pipeline: { longStreamMs: 50 } }).start();
  url = node.serve('plain', upstream.url);
});

afterEach(async () => {
  await node.close();
  await upstream.close();
});

function recording(fields: Partial<OrganizationEntry>): void {
  node.snapshot.addOrganization('acme', fields);
}

function request(method: string, params: Record<string, unknown>) {
  return { jsonrpc: '2.0', id: 1, method, params };
}

const toolCall = (args: unknown, name = 'echo') => request('tools/call', { name, arguments: args });

async function recorded(message: object) {
  await (await node.post(url, message)).text();
  const record = node.recorder.records.at(-1);
  if (record === undefined) throw new Error('Nothing was recorded.');
  const { argumentState, arguments: json } = record;
  return { state: argumentState.replace('ARGUMENT_STATE_', ''), json: json.toString() };
}

describe('arguments in the record of a call', () => {
  test('are left out unless the organization wants them', async () => {
    expect(await recorded(toolCall({ a: 1 }))).toEqual({ state: 'OFF', json: '' });
    expect(await recorded(request('tools/list', {}))).toEqual({ state: 'NONE', json: '' });
  });

  test('are kept as they were sent', async () => {
    recording({ argumentRecording: 'full' });
    const args = { path: '/x', password: 'hunter2', list: [1, 2.5, null] };
    const state = 'FULL';
    expect(await recorded(toolCall(args))).toEqual({ state, json: JSON.stringify(args) });
    expect(await recorded(request('prompts/get', { name: 'p', arguments: { a: 'b' } }))).toEqual({
      state,
      json: '{"a":"b"}',
    });
    expect(await recorded(request('tools/call', { name: 'echo' }))).toEqual({ state, json: '{}' });
    expect(await recorded(request('resources/read', { uri: 'file:///x' }))).toEqual({
      state: 'NONE',
      json: '',
    });
    expect(await recorded(toolCall([1]))).toMatchObject({ state: 'NONE' });
  });

  test('are kept without their secrets, and in full where there are none', async () => {
    recording({ argumentRecording: 'redacted' });
    const args = { path: '/x', password: 'hunter2', note: `key ${node.key}` };
    expect(await recorded(toolCall(args))).toEqual({
      state: 'REDACTED',
      json: '{"path":"/x","password":"[redacted]","note":"key [redacted]"}',
    });
    expect(await recorded(toolCall({ path: '/x' }))).toEqual({
      state: 'FULL',
      json: '{"path":"/x"}',
    });
  });

  test('are left out when they are longer than the organization wants', async () => {
    recording({ argumentRecording: 'full', argumentBytesMax: 300 });
    expect((await recorded(toolCall({ a: 'x'.repeat(292) }))).state).toBe('FULL');
    expect(await recorded(toolCall({ a: 'x'.repeat(293) }))).toEqual({
      state: 'TOO_LARGE',
      json: '',
    });
  });

  test('stand in the record of a refused call', async () => {
    recording({ argumentRecording: 'full' });
    const organization = node.snapshot.organization('acme');
    if (organization === undefined) throw new Error('There is no organization.');
    node.snapshot.setPolicies(organization, [testPolicy('rule', { tools: ['echo'] })]);
    expect(await recorded(toolCall({ a: 1 }))).toEqual({ state: 'FULL', json: '{"a":1}' });
    expect(node.recorder.records.at(-1)).toMatchObject({ reason: 'policy_denied' });
  });

  test('stand with each message of a batch', async () => {
    recording({ argumentRecording: 'full' });
    const batch = [
      toolCall({ a: 1 }),
      { ...request('ping', {}), id: 2 },
      { ...toolCall({ b: 2 }), id: 3 },
    ];
    await (await node.post(url, batch, { 'mcp-protocol-version': '2025-03-26' })).text();
    const states = node.recorder.records.map(({ argumentState, arguments: json }) => [
      argumentState,
      json.toString(),
    ]);
    expect(states).toEqual([
      ['ARGUMENT_STATE_FULL', '{"a":1}'],
      ['ARGUMENT_STATE_NONE', ''],
      ['ARGUMENT_STATE_FULL', '{"b":2}'],
    ]);
  });

  test('outlive the request, which a stream lets go of', async () => {
    recording({ argumentRecording: 'redacted' });
    const leaving = new AbortController();
    const answer = await fetch(url, {
      method: 'POST',
      headers: { ...node.headers(), 'content-type': 'application/json' },
      body: JSON.stringify(toolCall({ token: 'abc', a: 1 }, 'slow')),
      signal: leaving.signal,
    });
    const started = await node.recorder.until(({ phase }) => phase === 'CALL_PHASE_START');
    expect(started.arguments.toString()).toBe('{"token":"[redacted]","a":1}');
    leaving.abort();
    await answer.text().catch(() => undefined);
    const ended = await node.recorder.until(({ phase }) => phase === 'CALL_PHASE_END');
    expect(ended.argumentState).toBe('ARGUMENT_STATE_REDACTED');
  });
});
