import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type ReasonCode, reasons } from '../../common/reasons.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import { type SseServer, startSseServer } from '../support/upstream-sse-server.ts';

const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
};
const call = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'slow' } };

let server: SseServer;
let node: ProxyHarness;
let url: string;

beforeEach(async () => {
  server = await startSseServer();
  node = await new ProxyHarness().start();
  url = node.serve('old', server.url, { transport: 'http-sse' });
});

afterEach(async () => {
  await node.close();
  await server.close();
});

/** The header that goes on with a session that was just begun. */
async function begun(): Promise<{ 'mcp-session-id': string }> {
  const response = await node.post(url, initialize);
  await response.text();
  return { 'mcp-session-id': response.headers.get('mcp-session-id') ?? '' };
}

type Sent = (headers: Record<string, string>) => Promise<Response>;

const post: Sent = (headers) => node.post(url, call, headers);
const listen: Sent = (headers) => fetch(url, { headers: { ...node.headers(), ...headers } });

const refusals: readonly (readonly [ReasonCode, () => Promise<Response>, Sent])[] = [
  ['session_required', () => post({}), post],
  [
    'request_id_in_use',
    async () => {
      const session = await begun();
      await post(session);
      return post(session);
    },
    post,
  ],
  [
    'stream_already_open',
    async () => {
      const session = await begun();
      await listen(session);
      return listen(session);
    },
    listen,
  ],
  [
    'session_unknown',
    async () => {
      const session = await begun();
      const ended = await fetch(url, {
        method: 'DELETE',
        headers: { ...node.headers(), ...session },
      });
      await ended.text();
      return post(session);
    },
    post,
  ],
];

test.each(refusals)(
  '%s is answered and recorded as every refusal is',
  async (reason, provoke, sent) => {
    const response = await provoke();
    const { httpStatus, rpcCode, message, remedy } = reasons[reason];
    const body = (await response.json()) as object;
    const record = node.recorder.records.findLast(
      ({ decision }) => decision === 'DECISION_REFUSED',
    );
    expect([response.status, body]).toEqual([
      httpStatus,
      {
        jsonrpc: '2.0',
        id: sent === post ? 7 : null,
        error: { code: rpcCode, message, data: { reason, remedy, traceId: record?.traceId } },
      },
    ]);
    expect(record).toMatchObject({
      reason,
      httpStatus,
      rpcErrorCode: rpcCode,
      outcome: 'completed',
    });
    // One call, one record: nothing is tried elsewhere.
    expect(node.recorder.records.filter(({ callId }) => callId === record?.callId)).toHaveLength(1);
  },
);

test('a refusal of the server itself stays one of the server', async () => {
  await server.close();
  server = await startSseServer({
    onMessage: ({ message, response }) => {
      if (message.method !== 'tools/call') return false;
      response.writeHead(404).end();
      return true;
    },
  });
  url = node.serve('old', server.url, { transport: 'http-sse' });
  const response = await post(await begun());
  expect(response.status).toBe(404);
  const record = await node.recorder.until(({ method }) => method === 'tools/call');
  expect(record).toMatchObject({ decision: 'DECISION_FAILED', reason: 'session_unknown' });
});
