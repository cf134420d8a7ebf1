import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { undecidedCall } from '../support/policy-settings.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import {
  answerResult,
  emptyResult,
  type ProxyUpstream,
  type SeenRequest,
  startProxyUpstream,
} from '../support/proxy-upstream.ts';

const callEcho = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'echo', arguments: {} },
};

let node: ProxyHarness;
let upstream: ProxyUpstream;
let url: string;
let answer: (request: SeenRequest, response: ServerResponse) => void;

beforeEach(async () => {
  answer = emptyResult;
  upstream = await startProxyUpstream((request, response) => answer(request, response));
  node = await new ProxyHarness({ pipeline: { longStreamMs: 50 } }).start();
  url = node.serve('plain', upstream.url);
});

afterEach(async () => {
  await node.close();
  await upstream.close();
});

describe('the record of a call', () => {
  test('says who, what, where, how it ended and how long it took', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
    const body = await (await node.post(url, callEcho, { traceparent })).text();
    expect(node.recorder.records).toEqual([
      {
        ...undecidedCall,
        argumentState: 'ARGUMENT_STATE_OFF',
        principalRoles: ['agent'],
        principalScopes: ['mcp:*'],
        callId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        phase: 'CALL_PHASE_COMPLETE',
        startedAtMs: expect.any(Number),
        organizationId: 'organization-acme',
        subject: 'user:1',
        credentialId: node.key.slice(6, 18),
        serverId: 'server-acme-plain',
        endpointId: 'server-acme-plain-endpoint-0',
        era: 'legacy',
        method: 'tools/call',
        target: 'echo',
        decision: 'DECISION_ALLOWED',
        reason: '',
        httpStatus: 200,
        rpcErrorCode: 0,
        upstreamDurationUs: expect.any(Number),
        totalDurationUs: expect.any(Number),
        requestBytes: JSON.stringify(callEcho).length,
        responseBytes: body.length,
        traceId,
        clientAddress: '127.0.0.1',
        configRevision: 1,
        outcome: 'completed',
      },
    ]);
    const [record] = node.recorder.records;
    expect(record?.totalDurationUs).toBeGreaterThanOrEqual(record?.upstreamDurationUs ?? 0);
    expect(record?.upstreamDurationUs).toBeGreaterThan(0);
    expect(upstream.seen[0]?.headers['traceparent']).toMatch(
      new RegExp(`^00-${traceId}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`),
    );
  });

  test('is there before the last byte of the answer', async () => {
    for (let round = 0; round < 20; round += 1) {
      await (await node.post(url, callEcho)).text();
      expect(node.recorder.records).toHaveLength(round + 1);
    }
  });

  test('is there before the response within a stream, which the client acts on', async () => {
    let stream: ServerResponse | undefined;
    answer = (_request, response) => {
      stream = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\n');
    };
    const response = await node.post(url, callEcho);
    const reader = response.body?.getReader();
    await reader?.read();
    expect(node.recorder.records).toEqual([]);
    stream?.write('data: {"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}\n\n');
    await reader?.read();
    expect(node.recorder.records).toMatchObject([
      { phase: 'CALL_PHASE_COMPLETE', rpcErrorCode: -32602, outcome: 'completed' },
    ]);
    stream?.end();
    expect(await reader?.read()).toMatchObject({ done: true });
    expect(node.recorder.records).toHaveLength(1);
  });

  test('has a start and an end for a stream that lasts', async () => {
    let stream: ServerResponse | undefined;
    answer = (_request, response) => {
      stream = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    };
    const response = await node.post(url, callEcho);
    const start = await node.recorder.until(({ phase }) => phase === 'CALL_PHASE_START');
    stream?.end('data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n');
    await response.text();
    const end = node.recorder.records[1];
    expect(end).toMatchObject({
      phase: 'CALL_PHASE_END',
      callId: start.callId,
      method: 'tools/call',
    });
    expect(node.recorder.records).toHaveLength(2);
  });

  test('of a refused call names the reason, under the caller’s organization', async () => {
    const other = node.snapshot.addOrganization('other');
    node.snapshot.addServer(other, 'plain', [upstream.url]);
    await node.post(`${node.baseUrl}/other/plain/mcp`, callEcho);
    expect(node.recorder.records).toMatchObject([
      {
        organizationId: 'organization-acme',
        serverId: '',
        decision: 'DECISION_REFUSED',
        reason: 'server_not_found',
        httpStatus: 404,
        upstreamDurationUs: 0,
      },
    ]);
  });

  test('of a stranger is a count', async () => {
    const headers = { 'content-type': 'application/json' };
    await fetch(url, { method: 'POST', headers, body: '{}' });
    await fetch(`${node.baseUrl}/none/none/mcp`, { method: 'POST', headers, body: '{}' });
    expect(node.recorder.records).toEqual([]);
    const clientAddress = '127.0.0.1';
    expect(node.recorder.refusals).toEqual([
      { reason: 'credential_missing', clientAddress, organizationId: 'organization-acme' },
      { reason: 'credential_missing', clientAddress, organizationId: undefined },
    ]);
  });
});

describe('an organization that must be audited', () => {
  let audited: string;
  let authorization: string;

  beforeEach(() => {
    const organization = node.snapshot.addOrganization('audited', { mustAudit: true });
    node.snapshot.addServer(organization, 'plain', [upstream.url]);
    authorization = `Bearer ${node.snapshot.addKey(organization, 'user:1')}`;
    audited = `${node.baseUrl}/audited/plain/mcp`;
  });

  test.each(['json', 'events'])(
    'gets its answer only once the record is on disk (%s)',
    async (form) => {
      if (form === 'events') {
        answer = (_request, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.end('data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n');
        };
      }
      const flushing = Promise.withResolvers<void>();
      node.recorder.flushing = flushing.promise;
      let answered = false;
      const pending = node.post(audited, callEcho, { authorization }).then(async (response) => {
        const text = await response.text();
        answered = true;
        return text;
      });
      await node.recorder.until(() => true);
      await (await fetch(url, { method: 'POST' })).text();
      expect(answered).toBe(false);
      flushing.resolve();
      expect(await pending).toContain('"result":{}');
      expect(node.recorder.records).toHaveLength(1);
    },
  );

  test('gets no answer that can’t be recorded', async () => {
    node.recorder.flushing = Promise.reject(new Error('disk full'));
    const response = await node.post(audited, callEcho, { authorization });
    expect([response.status, await response.json()]).toMatchObject([
      503,
      { id: 1, error: { data: { reason: 'record_unavailable' } } },
    ]);
  });

  test('is refused before the upstream is called when there is no room', async () => {
    node.recorder.room = false;
    const response = await node.post(audited, callEcho, { authorization });
    expect(response.status).toBe(503);
    expect(upstream.seen).toEqual([]);
    expect((await node.post(url, callEcho)).status).toBe(200);
  });
});

describe('what stays between the upstream and the gateway', () => {
  async function reasonOf(response: Response): Promise<readonly [number, string]> {
    const body = (await response.json()) as { error: { data: { reason: string } } };
    return [response.status, body.error.data.reason];
  }

  test('a client’s credential and cookies never go up; the server’s own credential does', async () => {
    const credential = { header: 'authorization', value: 'Bearer upstream-secret' };
    const own = node.serve('own', upstream.url, { credential });
    const extra = { cookie: 'a=b', 'x-api-key': 'mine', 'x-forwarded-for': '1.2.3.4' };
    await node.post(own, callEcho, extra);
    await node.post(url, callEcho, extra);
    const [withOwn, without] = upstream.seen;
    expect(withOwn?.headers.authorization).toBe('Bearer upstream-secret');
    expect(without?.headers).not.toHaveProperty('authorization');
    for (const name of ['cookie', 'x-api-key', 'x-forwarded-for', 'origin']) {
      expect(withOwn?.headers).not.toHaveProperty(name);
    }
    expect(withOwn?.headers['accept-encoding']).toBe('identity');
    expect(withOwn?.headers.host).toBe(upstream.url.host);
  });

  test('its cookies, challenges and CORS headers don’t come down', async () => {
    answer = (request, response) => {
      response.setHeader('set-cookie', 'a=b');
      response.setHeader('www-authenticate', 'Bearer');
      response.setHeader('access-control-allow-origin', '*');
      response.setHeader('server', 'secret/1.0');
      answerResult(request, response, {});
    };
    const response = await node.post(url, callEcho);
    for (const name of [
      'set-cookie',
      'www-authenticate',
      'access-control-allow-origin',
      'server',
    ]) {
      expect(response.headers.has(name)).toBe(false);
    }
  });

  test.each([
    [401, 'upstream_unauthorized'],
    [403, 'upstream_unauthorized'],
    [302, 'upstream_redirected'],
    [500, 'upstream_failed'],
    [404, 'upstream_failed'],
  ])('its %i becomes a 502 with a reason', async (status, reason) => {
    answer = (_request, response) => {
      const headers = { location: 'http://127.0.0.1:1/', 'www-authenticate': 'Bearer' };
      response.writeHead(status, headers).end('<h1>internal</h1>');
    };
    const response = await node.post(url, callEcho);
    expect(response.headers.has('location') || response.headers.has('www-authenticate')).toBe(
      false,
    );
    expect(await reasonOf(response)).toEqual([502, reason]);
    expect(node.recorder.records).toMatchObject([{ decision: 'DECISION_FAILED', reason }]);
  });

  test('an error that an MCP server made passes with its status', async () => {
    const body = '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"database is down"}}';
    answer = (_request, response) => response.writeHead(500).end(body);
    const response = await node.post(url, callEcho);
    expect([response.status, await response.text()]).toEqual([500, body]);
  });

  test('an answer of another type is not relayed', async () => {
    answer = (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hello</h1>');
    expect(await reasonOf(await node.post(url, callEcho))).toEqual([502, 'upstream_invalid']);
  });

  test('a call goes to another endpoint while nothing of it was sent', async () => {
    const dead = await startProxyUpstream(emptyResult);
    await dead.close();
    node.snapshot.addServer(node.organization, 'two', [dead.url, upstream.url]);
    for (let round = 0; round < 4; round += 1) {
      const response = await node.post(`${node.baseUrl}/acme/two/mcp`, callEcho);
      expect(response.status).toBe(200);
    }
    expect(upstream.seen).toHaveLength(4);
    expect(node.recorder.records).toHaveLength(4);
  });
});
