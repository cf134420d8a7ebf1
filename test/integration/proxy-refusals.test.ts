import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newCredential } from '../../common/credential.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import { RawClient } from '../support/proxy-raw-client.ts';
import { emptyResult, type ProxyUpstream, startProxyUpstream } from '../support/proxy-upstream.ts';

interface RefusalBody {
  readonly id: unknown;
  readonly error: {
    readonly code: number;
    readonly message: string;
    readonly data: { readonly reason: string; readonly remedy: string; readonly traceId: string };
  };
}

async function refusal(response: Response): Promise<readonly [number, string]> {
  const body = (await response.json()) as RefusalBody;
  return [response.status, body.error.data.reason];
}

const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };

let nowMs = 1_000_000;
let node: ProxyHarness;
let upstream: ProxyUpstream;
let url: string;

beforeAll(async () => {
  upstream = await startProxyUpstream(emptyResult);
  node = await new ProxyHarness({
    nowMs: () => nowMs,
    pipeline: { allowedHosts: ['gateway.example'], allowedOrigins: ['https://app.example'] },
  }).start();
  url = node.serve('plain', upstream.url);
});

afterAll(async () => {
  await node.close();
  await upstream.close();
});

describe('a call that is answered', () => {
  test('brings the upstream’s result under the client’s own id', async () => {
    const response = await node.post(url, '{"jsonrpc":"2.0","id":"a","method":"ping"}');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ jsonrpc: '2.0', id: 'a', result: {} });
  });
});

describe('host and origin', () => {
  async function head(lines: readonly string[]): Promise<string> {
    const client = new RawClient(node.port);
    const text = ['POST /acme/plain/mcp HTTP/1.1', ...lines, 'Content-Length: 0', '', ''];
    client.write(text.join('\r\n'));
    const answer = await client.until(/"traceId":"[0-9a-f]{32}"\}\}\}$/);
    client.close();
    return answer;
  }

  test('a name that is not ours is refused, whatever it resolves to', async () => {
    for (const host of [
      'evil.example',
      'evil.example:8080',
      'localhost.evil.example',
      '127.0.0.1.',
    ]) {
      expect(await head([`Host: ${host}`])).toMatch(/^HTTP\/1\.1 403 [\s\S]*host_not_allowed/);
    }
  });

  test('loopback and allowed names get further, with and without a port', async () => {
    for (const host of [
      'localhost',
      '127.0.0.1:9',
      '[::1]:1',
      'gateway.example',
      'Gateway.Example:443',
    ]) {
      expect(await head([`Host: ${host}`])).toMatch(/credential_missing/);
    }
  });

  test('a browser origin must be allowed by the node or the organization', async () => {
    const evil = ['Host: localhost', 'Origin: https://evil.example'];
    expect(await head(evil)).toMatch(/^HTTP\/1\.1 403 [\s\S]*origin_not_allowed/);
    expect(await head(['Host: localhost', 'Origin: null'])).toMatch(/origin_not_allowed/);
    const allowed = await head(['Host: localhost', 'Origin: https://app.example']);
    expect(allowed).toMatch(/Access-Control-Allow-Origin: https:\/\/app\.example/);
  });

  test('a page of this machine may call on this machine only', async () => {
    const local = 'Origin: http://localhost:3000';
    expect(await head(['Host: localhost', local])).toMatch(/credential_missing/);
    expect(await head(['Host: gateway.example', local])).toMatch(/origin_not_allowed/);
  });

  test('a header that stands twice is refused', async () => {
    const keys = ['Host: localhost', 'Mcp-Session-Id: a', 'Mcp-Session-Id: b'];
    expect(await head(keys)).toMatch(/request_malformed/);
  });
});

describe('browsers', () => {
  const origin = 'https://app.example';

  test('a preflight is answered without a credential', async () => {
    const response = await fetch(url, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers':
          'authorization,content-type,mcp-session-id,mcp-protocol-version,last-event-id,mcp-method,mcp-name,Mcp-Param-Region,x-evil',
      },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-headers')).toBe(
      'authorization, content-type, mcp-session-id, mcp-protocol-version, last-event-id, mcp-method, mcp-name, Mcp-Param-Region',
    );
    expect(response.headers.get('access-control-allow-methods')).toBe('GET, POST, DELETE');
  });

  test('errors and answers can be read by the page', async () => {
    const exposed = 'Mcp-Session-Id, WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy';
    const unknown = await fetch(url, { method: 'POST', headers: { origin } });
    const answered = await node.post(url, ping, { origin });
    expect([unknown.status, answered.status]).toEqual([401, 200]);
    for (const response of [unknown, answered]) {
      expect(response.headers.get('access-control-allow-origin')).toBe(origin);
      expect(response.headers.get('access-control-expose-headers')).toBe(exposed);
    }
  });
});

describe('paths and methods', () => {
  test.each([
    '/',
    '/acme/plain',
    '/acme/plain/mcp/',
    '/acme//plain/mcp',
    '/acme/../acme/plain/mcp',
    '/acme/%70lain/mcp',
    '/acme/plain%2fmcp',
    '/acme\\plain\\mcp',
    '/ACME/plain/mcp',
    'http://localhost/acme/plain/mcp',
  ])('%s is no endpoint', async (path) => {
    const client = new RawClient(node.port);
    client.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`);
    expect(await client.until(/"traceId"/)).toMatch(/^HTTP\/1\.1 404 [\s\S]*path_not_found/);
    client.close();
  });

  test('other methods are named in Allow', async () => {
    const response = await fetch(url, { method: 'PUT', headers: node.headers() });
    expect(response.headers.get('allow')).toBe('GET, POST, DELETE, OPTIONS');
    expect(await refusal(response)).toEqual([405, 'method_not_allowed']);
  });
});

describe('credentials', () => {
  function withKey(authorization: string | undefined): Promise<Response> {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (authorization !== undefined) headers['authorization'] = authorization;
    return fetch(url, { method: 'POST', headers, body: JSON.stringify(ping) });
  }

  test.each([
    ['none', undefined, 'credential_missing'],
    ['another scheme', 'Basic YTpi', 'credential_invalid'],
    ['a mistyped key', 'Bearer mcpgw_0000', 'credential_invalid'],
  ])('with %s the answer is 401 and a challenge', async (_case, authorization, reason) => {
    const response = await withKey(authorization);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(await refusal(response)).toEqual([401, reason]);
  });

  test('a key of nobody and a wrong secret for a known key look alike', async () => {
    const nobody = newCredential('apiKey').text;
    const known = node.snapshot.addKey(node.organization, 'user:1', {
      secretHash: Buffer.alloc(32, 1),
    });
    for (const key of [nobody, known]) {
      expect(await refusal(await withKey(`Bearer ${key}`))).toEqual([401, 'credential_invalid']);
    }
  });

  test('an expired key is told so', async () => {
    const expiring = node.snapshot.addKey(node.organization, 'user:1', { expiresAtMs: 1_500_000 });
    expect((await withKey(`Bearer ${expiring}`)).status).toBe(200);
    nowMs = 1_500_000;
    expect(await refusal(await withKey(`Bearer ${expiring}`))).toEqual([401, 'credential_expired']);
  });
});

describe('servers', () => {
  test('an unknown one, a foreign one and one of a foreign organization look alike', async () => {
    const other = node.snapshot.addOrganization('other');
    node.snapshot.addServer(other, 'plain', [upstream.url]);
    for (const path of [
      '/acme/none/mcp',
      '/other/plain/mcp',
      '/other/none/mcp',
      '/none/none/mcp',
    ]) {
      const response = await node.post(node.baseUrl + path, ping, { 'mcp-session-id': 'x' });
      expect(await refusal(response)).toEqual([404, 'server_not_found']);
    }
  });

  test('a disabled server and a disabled organization answer nothing', async () => {
    const disabled = node.serve('disabled', upstream.url, { enabled: false });
    expect(await refusal(await node.post(disabled, ping))).toEqual([503, 'server_disabled']);
    const asleep = node.snapshot.addOrganization('asleep', { enabled: false });
    node.snapshot.addServer(asleep, 'plain', [upstream.url]);
    const authorization = `Bearer ${node.snapshot.addKey(asleep, 'user:1')}`;
    const response = await node.post(`${node.baseUrl}/asleep/plain/mcp`, ping, { authorization });
    expect(await refusal(response)).toEqual([503, 'server_disabled']);
  });

  test('a rule that could not be read closes its server', async () => {
    const closed = node.serve('closed', upstream.url);
    node.snapshot.closed.set('server-acme-closed', { type: 'Policy', name: 'no-deletes' });
    const before = upstream.seen.length;
    expect(await refusal(await node.post(closed, ping))).toEqual([403, 'configuration_refused']);
    expect(upstream.seen.length).toBe(before);
  });

  test('a list of tasks, which would show everybody’s, is refused', async () => {
    const response = await node.post(url, { ...ping, method: 'tasks/list' });
    expect(await refusal(response)).toEqual([400, 'tasks_not_listed']);
  });
});

describe('bodies', () => {
  test.each([
    ['no JSON', '{"jsonrpc":', 'json_malformed', 400],
    ['nothing', '', 'json_malformed', 400],
    ['no message', '{"hello":1}', 'message_invalid', 400],
    [
      'a key twice',
      '{"jsonrpc":"2.0","id":1,"method":"a","m\\u0065thod":"b"}',
      'json_duplicate_key',
      400,
    ],
    ['a deep nest', `{"a":${'['.repeat(100)}${']'.repeat(100)}}`, 'json_too_deep', 400],
    ['an empty batch', '[]', 'message_invalid', 400],
    [
      'a handshake in a batch',
      '[{"jsonrpc":"2.0","id":1,"method":"initialize"}]',
      'batch_not_supported',
      400,
    ],
  ])('%s is refused', async (_case, body, reason, status) => {
    expect(await refusal(await node.post(url, body))).toEqual([status, reason]);
  });

  test('invalid UTF-8 is refused', async () => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...node.headers(), 'content-type': 'application/json' },
      body: Buffer.from('{"jsonrpc":"2.0","id":1,"method":"\xff"}', 'latin1'),
    });
    expect(await refusal(response)).toEqual([400, 'body_not_utf8']);
  });

  test.each(['text/plain', 'application/json; charset=latin1', 'application/jsonp', ''])(
    'the content type %j is refused',
    async (type) => {
      const response = await node.post(url, ping, { 'content-type': type });
      expect(await refusal(response)).toEqual([415, 'content_type_unsupported']);
    },
  );

  test.each(['application/json', 'text/event-stream', 'application/json, text/event-stream;q=0'])(
    'the Accept %j is refused',
    async (accept) => {
      expect(await refusal(await node.post(url, ping, { accept }))).toEqual([
        406,
        'not_acceptable',
      ]);
    },
  );

  test('a refusal carries the id with all its digits', async () => {
    const body = '{"jsonrpc":"2.0", "id" : 123456789012345678901234567890, "method":"tasks/list"}';
    expect(await (await node.post(url, body)).text()).toMatch(
      /^\{"jsonrpc":"2\.0","id":123456789012345678901234567890,"error"/,
    );
  });

  test('a refusal says what to do and names the trace', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const response = await node.post(url, '{', {
      traceparent: `00-${traceId}-b7ad6b7169203331-01`,
    });
    const { error } = (await response.json()) as RefusalBody;
    expect(error.data).toEqual({
      reason: 'json_malformed',
      remedy: expect.stringMatching(/\.$/),
      traceId,
    });
  });
});
