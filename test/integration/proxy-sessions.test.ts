import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ProxyHarness } from '../support/proxy-harness.ts';
import {
  answerResult,
  type ProxyUpstream,
  type SeenRequest,
  startProxyUpstream,
} from '../support/proxy-upstream.ts';

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'c', version: '1' },
  },
};
const initializeResult = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  serverInfo: { name: 's', version: '1' },
};
const ping = { jsonrpc: '2.0', id: 2, method: 'ping' };

let node: ProxyHarness;
let upstream: ProxyUpstream;
let url: string;
/** How the upstream answers what comes after the handshake. */
let answer: (request: SeenRequest, response: ServerResponse) => void;
/** Whether the handshake is answered as a stream, and with a session. */
let handshake: 'json' | 'events' | 'sessionless';

function beginSession(request: SeenRequest, response: ServerResponse): void {
  const { id } = JSON.parse(request.body) as { id: unknown };
  const message = JSON.stringify({ jsonrpc: '2.0', id, result: initializeResult });
  const session = handshake === 'sessionless' ? {} : { 'mcp-session-id': 'upstream-session' };
  if (handshake === 'events') {
    response.writeHead(200, { 'content-type': 'text/event-stream', ...session });
    response.write('id: 0\ndata:\n\n');
    response.end(`id: 1\ndata: ${message}\n\n`);
  } else {
    response.writeHead(200, { 'content-type': 'application/json', ...session });
    response.end(message);
  }
}

beforeEach(async () => {
  answer = (request, response) => answerResult(request, response, {});
  handshake = 'json';
  upstream = await startProxyUpstream((request, response) => {
    if (request.body.includes('"initialize"')) beginSession(request, response);
    else answer(request, response);
  });
  node = await new ProxyHarness().start();
  url = node.serve('plain', upstream.url);
});

afterEach(async () => {
  await node.close();
  await upstream.close();
});

async function begin(): Promise<string> {
  const response = await node.post(url, initialize);
  await response.text();
  return response.headers.get('mcp-session-id') ?? '';
}

async function reasonOf(response: Response): Promise<readonly [number, string]> {
  const body = (await response.json()) as { error: { data: { reason: string } } };
  return [response.status, body.error.data.reason];
}

describe('a session', () => {
  test.each(['json', 'events'] as const)('is sealed for the client (%s)', async (form) => {
    handshake = form;
    const response = await node.post(url, initialize);
    const text = await response.text();
    const session = response.headers.get('mcp-session-id') ?? '';
    expect(text).toContain('"protocolVersion":"2025-11-25"');
    if (form === 'events') expect(text).toMatch(/^id: 0\ndata:\n\nid: 1\ndata: /);
    expect(session).toMatch(/^[\x21-\x7e]+$/);
    expect(session).not.toContain('upstream-session');
    const headers = { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' };
    expect((await node.post(url, ping, headers)).status).toBe(200);
    expect(upstream.seen[1]?.headers).toMatchObject({
      'mcp-session-id': 'upstream-session',
      'mcp-protocol-version': '2025-11-25',
    });
  });

  test('is not made up for a server that has none', async () => {
    handshake = 'sessionless';
    expect(await begin()).toBe('');
    expect((await node.post(url, ping)).status).toBe(200);
    expect(upstream.seen[1]?.headers).not.toHaveProperty('mcp-session-id');
  });

  test('serves its subject with any of its keys, and nobody else', async () => {
    const session = { 'mcp-session-id': await begin() };
    const bearer = (subject: string) =>
      `Bearer ${node.snapshot.addKey(node.organization, subject)}`;
    const sameSubject = { ...session, authorization: bearer('user:1') };
    expect((await node.post(url, ping, sameSubject)).status).toBe(200);
    const foreign = { ...session, authorization: bearer('user:2') };
    expect(await reasonOf(await node.post(url, ping, foreign))).toEqual([404, 'session_unknown']);
  });

  test('belongs to its server', async () => {
    const other = node.serve('other', upstream.url);
    const response = await node.post(other, ping, { 'mcp-session-id': await begin() });
    expect(await reasonOf(response)).toEqual([404, 'session_unknown']);
  });

  test('that is made up or torn is unknown, and the upstream isn’t asked', async () => {
    const session = await begin();
    for (const id of ['upstream-session', 'k1.AAAA', `${session}A`, session.slice(0, -2)]) {
      const response = await node.post(url, ping, { 'mcp-session-id': id });
      expect(await reasonOf(response)).toEqual([404, 'session_unknown']);
    }
    expect(upstream.seen).toHaveLength(1);
  });

  test('ends when its endpoint is gone', async () => {
    const session = await begin();
    node.snapshot.addServer(node.organization, 'plain', [upstream.url], {
      endpoints: [{ id: 'another', url: upstream.url, weight: 1 }],
    });
    const response = await node.post(url, ping, { 'mcp-session-id': session });
    expect(await reasonOf(response)).toEqual([404, 'session_unknown']);
  });

  test.each([
    [
      '404',
      404,
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}',
    ],
    [
      '400 in words',
      400,
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}',
    ],
    ['400 as text', 400, 'Invalid or missing session ID'],
  ])('that the upstream forgot (%s) is told as ended', async (_case, status, body) => {
    const session = await begin();
    answer = (_request, response) => response.writeHead(status).end(body);
    const response = await node.post(url, ping, { 'mcp-session-id': session });
    expect(await reasonOf(response)).toEqual([404, 'session_unknown']);
  });

  test('stays when the upstream refuses a message for another reason', async () => {
    const session = await begin();
    const body = '{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"Bad cursor"}}';
    answer = (_request, response) =>
      response.writeHead(400, { 'content-type': 'application/json' }).end(body);
    const response = await node.post(url, ping, { 'mcp-session-id': session });
    expect([response.status, await response.text()]).toEqual([400, body]);
  });

  test('that is required and missing is told in the upstream’s own words', async () => {
    const body =
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: Mcp-Session-Id header is required"}}';
    answer = (_request, response) =>
      response.writeHead(400, { 'content-type': 'application/json' }).end(body);
    expect((await node.post(url, ping)).status).toBe(400);
  });

  test('is ended by DELETE, which reaches the upstream', async () => {
    const session = await begin();
    answer = (_request, response) => response.writeHead(200).end();
    const headers = { ...node.headers(), 'mcp-session-id': session };
    const response = await fetch(url, { method: 'DELETE', headers });
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(upstream.seen[1]).toMatchObject({
      method: 'DELETE',
      headers: { 'mcp-session-id': 'upstream-session' },
    });
  });

  test('survives a restart of the node, which holds nothing of it', async () => {
    const session = await begin();
    const { port } = node;
    await node.listener.close();
    const again = await new ProxyHarness({ listener: { port }, snapshot: node.snapshot }).start();
    try {
      const response = await again.post(url, ping, {
        ...node.headers(),
        'mcp-session-id': session,
      });
      expect(response.status).toBe(200);
    } finally {
      await again.close();
    }
  });
});

describe('streams of a session', () => {
  test('GET passes Last-Event-ID and relays ids, hints and comments byte by byte', async () => {
    const text =
      ': hi\nretry: 100\nid: e-8\ndata: {"jsonrpc":"2.0","id":9,"method":"roots/list"}\n\n';
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text);
    };
    const headers = {
      ...node.headers(),
      accept: 'text/event-stream',
      'last-event-id': 'e-7',
      'mcp-session-id': await begin(),
    };
    const response = await fetch(url, { headers });
    expect(await response.text()).toBe(text);
    expect(upstream.seen[1]?.headers).toMatchObject({
      accept: 'text/event-stream',
      'last-event-id': 'e-7',
    });
    expect(node.recorder.records.slice(1).map(({ phase, method }) => [phase, method])).toEqual([
      ['CALL_PHASE_START', 'GET'],
      ['CALL_PHASE_END', 'GET'],
    ]);
  });

  test('a server without one answers 405', async () => {
    answer = (_request, response) => response.writeHead(405, { allow: 'POST, DELETE' }).end();
    const response = await fetch(url, { headers: node.headers() });
    expect(response.headers.get('allow')).toBe('POST, DELETE');
    expect(await reasonOf(response)).toEqual([405, 'method_not_allowed']);
  });

  test('a server’s request goes down and the client’s answer up, with 202', async () => {
    const session = await begin();
    answer = (_request, response) => response.writeHead(202).end();
    const body = { jsonrpc: '2.0', id: 9, result: { roots: [] } };
    const response = await node.post(url, body, { 'mcp-session-id': session });
    expect([response.status, await response.text()]).toEqual([202, '']);
    expect(upstream.seen[1]?.body).toBe(JSON.stringify(body));
    expect(node.recorder.records[1]).toMatchObject({ method: 'response', httpStatus: 202 });
  });
});

describe('batches', () => {
  const batch = [ping, { ...ping, id: 3, method: 'tools/call', params: { name: 'echo' } }];

  test('have each element recorded, in the revision that has them', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('[]');
    };
    expect((await node.post(url, batch)).status).toBe(200);
    expect(node.recorder.records.map(({ method, target }) => [method, target])).toEqual([
      ['ping', ''],
      ['tools/call', 'echo'],
    ]);
    expect(new Set(node.recorder.records.map(({ callId }) => callId)).size).toBe(2);
  });

  test('are refused where another revision was settled on', async () => {
    const session = await begin();
    const response = await node.post(url, batch, { 'mcp-session-id': session });
    expect(await reasonOf(response)).toEqual([400, 'batch_not_supported']);
    const other = await node.post(url, batch, { 'mcp-protocol-version': '2025-06-18' });
    expect(await reasonOf(other)).toEqual([400, 'batch_not_supported']);
  });

  test('are refused as a whole for one element that may not be', async () => {
    const response = await node.post(url, [ping, { ...ping, method: 'tasks/list' }]);
    expect(await reasonOf(response)).toEqual([400, 'tasks_not_listed']);
    expect(upstream.seen).toEqual([]);
    expect(node.recorder.records.map(({ decision }) => decision)).toEqual([
      'DECISION_REFUSED',
      'DECISION_REFUSED',
    ]);
  });
});
