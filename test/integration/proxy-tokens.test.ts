import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  extractWWWAuthenticateParams as challenge2,
  discoverOAuthProtectedResourceMetadata as discover2,
} from '@modelcontextprotocol/client';
import {
  extractWWWAuthenticateParams as challenge1,
  discoverOAuthProtectedResourceMetadata as discover1,
} from '@modelcontextprotocol/sdk/client/auth.js';
import { type ReasonCode, reasons } from '../../common/reasons.ts';
import { PublicBase } from '../../data-plane/pipeline/public-base.ts';
import type { IssuerInput } from '../../proto/gen/mcpgw/resources/v1/Issuer.ts';
import { clients } from '../support/client-providers.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import { emptyResult, type ProxyUpstream, startProxyUpstream } from '../support/proxy-upstream.ts';
import {
  type ReferenceUpstream,
  startReferenceUpstream,
} from '../support/reference-upstream/reference-upstream.ts';
import { issuerEntry, issuerResource, TokenSigner } from '../support/token-issuer.ts';

const nowMs = 1_800_000_000_000;
const now = nowMs / 1000;
const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
const login = 'https://login.example';
const wellKnown = '/.well-known/oauth-protected-resource';

let node: ProxyHarness;
let signer: TokenSigner;
let own: TokenSigner;
let clockMs = nowMs;

function trust(fields: IssuerInput = {}): void {
  const { id } = node.organization;
  const resource = issuerResource('login', id, {
    issuer: login,
    jwks: signer.jwks,
    defaultRole: 'agent',
    ...fields,
  });
  node.snapshot.issuersOf.set(id, [issuerEntry(resource)]);
}

beforeEach(async () => {
  clockMs = nowMs;
  signer = await TokenSigner.create();
  own = await TokenSigner.create('EdDSA', 'own');
  node = await new ProxyHarness({ nowMs: () => clockMs }).start();
  trust();
  const gateway = issuerResource('platform', '', { issuer: 'mcp-gateway', jwks: own.jwks });
  node.snapshot.issuersOf.set('', [issuerEntry(gateway)]);
});

afterEach(() => node.close());

function claimsFor(url: string, more: object = {}): object {
  const times = { iat: now - 1, exp: now + 300 };
  return { iss: login, sub: 'alice', aud: url, jti: 'j1', scope: 'mcp:plain', ...times, ...more };
}

function tokenFor(url: string, more: object = {}): Promise<string> {
  return signer.sign({ claims: claimsFor(url, more) });
}

function get(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${node.baseUrl}${path}`, init);
}

/** Everything of an answer that doesn't differ from one request to the next. */
async function shapeOf(response: Response): Promise<unknown> {
  const headers = [...response.headers].filter(([name]) => name !== 'date');
  const text = (await response.text()).replace(/[0-9a-f]{32}/, 'trace');
  return { status: response.status, headers, text };
}

describe('metadata of a protected resource', () => {
  test('names the address that is called, and the organization’s issuers', async () => {
    const response = await get(`${wellKnown}/acme/plain/mcp`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      resource: `${node.baseUrl}/acme/plain/mcp`,
      authorization_servers: [login],
      bearer_methods_supported: ['header'],
      scopes_supported: ['mcp:plain'],
      resource_name: 'acme/plain',
    });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('cache-control')).toBe('public, max-age=60');
    expect(node.recorder).toMatchObject({ records: [], refusals: [] });
  });

  test('has no body for HEAD, but its length', async () => {
    const whole = await get(`${wellKnown}/acme/plain/mcp`);
    const head = await get(`${wellKnown}/acme/plain/mcp`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(head.headers.get('content-length')).toBe(whole.headers.get('content-length'));
  });

  test('can be read by any page, preflight included', async () => {
    const headers = { origin: 'https://anywhere.example' };
    const path = `${wellKnown}/acme/plain/mcp`;
    expect((await get(path, { headers })).status).toBe(200);
    const preflight = await get(path, {
      method: 'OPTIONS',
      headers: { ...headers, 'access-control-request-headers': 'mcp-protocol-version' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect(preflight.headers.get('access-control-allow-headers')).toBe('*');
  });

  test('is asked for by GET only', async () => {
    const response = await get(`${wellKnown}/acme/plain/mcp`, { method: 'POST' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
  });

  test('tells nobody which servers and organizations there are', async () => {
    node.serve('plain', 'http://127.0.0.1:9/');
    node.snapshot.addOrganization('bare');
    const known = (await shapeOf(await get(`${wellKnown}/acme/plain/mcp`))) as { text: string };
    const unknown = (await shapeOf(await get(`${wellKnown}/acme/other/mcp`))) as { text: string };
    expect({ ...unknown, text: unknown.text.replaceAll('other', 'plain') }).toEqual(known);
    const bare = await shapeOf(await get(`${wellKnown}/bare/plain/mcp`));
    expect(bare).toMatchObject({ status: 404 });
    expect(await shapeOf(await get(`${wellKnown}/nobody/plain/mcp`))).toEqual(bare);
  });

  test.each([
    '',
    '/',
    '/acme',
    '/acme/plain',
    '/acme/plain/mcp/',
    '/a/b/c/mcp',
    'x/acme/plain/mcp',
  ])('is not at the well-known path with “%s”', async (path) => {
    expect((await get(`${wellKnown}${path}`)).status).toBe(404);
  });

  test('names no scope where none is read', async () => {
    trust({ scopeMode: 'SCOPE_MODE_ROLE' });
    const response = await get(`${wellKnown}/acme/plain/mcp`);
    expect(await response.json()).not.toHaveProperty('scopes_supported');
    const refused = await get('/acme/plain/mcp', { method: 'POST' });
    expect(refused.headers.get('www-authenticate')).not.toContain('scope');
  });

  test('is not given while nobody can know what the node is called', async () => {
    node.publicBase = undefined;
    expect((await get(`${wellKnown}/acme/plain/mcp`)).status).toBe(404);
    const refused = await get('/acme/plain/mcp', { method: 'POST' });
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
  });

  test('stands in front of a public URL’s path, whether a reverse proxy cuts that or not', async () => {
    node.publicBase = new PublicBase(new URL('https://gateway.example/tools/mcp-gw/'));
    for (const path of ['/acme/plain/mcp', '/tools/mcp-gw/acme/plain/mcp']) {
      const response = await get(`${wellKnown}${path}`);
      expect(await response.json()).toMatchObject({
        resource: 'https://gateway.example/tools/mcp-gw/acme/plain/mcp',
      });
    }
    expect((await get(`${wellKnown}/tools/acme/plain/mcp`)).status).toBe(404);
    const { headers } = await get('/acme/plain/mcp', { method: 'POST' });
    expect(headers.get('www-authenticate')).toContain(
      `resource_metadata="https://gateway.example${wellKnown}/tools/mcp-gw/acme/plain/mcp"`,
    );
  });
});

describe('a challenge', () => {
  const header = 'www-authenticate';

  test('names metadata and scope, and an error only for a credential', async () => {
    const where = `resource_metadata="${node.baseUrl}${wellKnown}/acme/plain/mcp", scope="mcp:plain"`;
    const without = await get('/acme/plain/mcp', { method: 'POST' });
    expect([without.status, without.headers.get(header)]).toEqual([401, `Bearer ${where}`]);
    for (const authorization of ['Bearer x', `Bearer ${node.key}x`, 'Basic x', 'Bearer a.b.c']) {
      const refused = await get('/acme/plain/mcp', { method: 'POST', headers: { authorization } });
      const expected = `Bearer error="invalid_token", ${where}`;
      expect([refused.status, refused.headers.get(header)]).toEqual([401, expected]);
    }
  });

  test('is bare for an organization without an issuer, and for one that doesn’t exist', async () => {
    node.snapshot.addOrganization('bare');
    for (const slug of ['bare', 'nobody']) {
      const refused = await get(`/${slug}/plain/mcp`, { method: 'POST' });
      expect([refused.status, refused.headers.get(header)]).toEqual([401, 'Bearer']);
    }
  });

  test('leads the clients of both SDKs to the metadata', async () => {
    const url = `${node.baseUrl}/acme/plain/mcp`;
    const refused = await fetch(url, { method: 'POST' });
    for (const read of [challenge1, challenge2]) {
      const { resourceMetadataUrl, scope } = read(refused);
      expect([resourceMetadataUrl?.href, scope]).toEqual([
        `${node.baseUrl}${wellKnown}/acme/plain/mcp`,
        'mcp:plain',
      ]);
    }
    for (const discover of [discover1, discover2]) {
      expect(await discover(url)).toMatchObject({ resource: url, authorization_servers: [login] });
    }
  });
});

describe('a call with an access token', () => {
  let upstream: ProxyUpstream;
  let url: string;

  beforeEach(async () => {
    upstream = await startProxyUpstream(emptyResult);
    url = node.serve('plain', upstream.url);
  });

  afterEach(() => upstream.close());

  function call(token: string, to = url): Promise<Response> {
    return node.post(to, ping, { authorization: `Bearer ${token}` });
  }

  async function reasonOf(response: Response): Promise<readonly [number, string]> {
    const body = (await response.json()) as { error?: { data: { reason: string } } };
    return [response.status, body.error?.data.reason ?? 'answered'];
  }

  test('is answered and recorded as its subject’s; the token stays here', async () => {
    const token = await tokenFor(url);
    for (let round = 0; round < 3; round += 1) {
      expect(await reasonOf(await call(token))).toEqual([200, 'answered']);
    }
    expect(node.recorder.records).toHaveLength(3);
    for (const record of node.recorder.records) {
      expect(record).toMatchObject({
        organizationId: node.organization.id,
        subject: 'issuer:login:alice',
        credentialId: 'j1',
        decision: 'DECISION_ALLOWED',
      });
    }
    expect(JSON.stringify([upstream.seen, node.recorder.records])).not.toContain(token.slice(-20));
    expect(node.tokens.counts()).toMatchObject({ verifications: 1, cacheHits: 2 });
  });

  test('whatever the case of the scheme and the spaces after it', async () => {
    const token = await tokenFor(url);
    for (const authorization of [`bearer ${token}`, `BEARER   ${token}`, `Bearer  ${token} `]) {
      expect((await node.post(url, ping, { authorization })).status).toBe(200);
    }
  });

  test('of the gateway itself is answered in the organization that it names', async () => {
    const claims = {
      ...claimsFor(url, { iss: 'mcp-gateway', sub: 'user:1', sid: 's' }),
      roles: ['developer'],
    };
    const token = await own.sign({ claims: { ...claims, org: node.organization.id } });
    expect(await reasonOf(await call(token))).toEqual([200, 'answered']);
    node.snapshot.addOrganization('globex');
    const elsewhere = `${node.baseUrl}/globex/plain/mcp`;
    const stolen = await own.sign({
      claims: { ...claims, aud: elsewhere, org: node.organization.id },
    });
    expect(await reasonOf(await call(stolen, elsewhere))).toEqual([401, 'credential_invalid']);
  });

  test.each<[ReasonCode, string, object]>([
    ['token_audience_wrong', 'for another server', { aud: 'http://127.0.0.1/acme/other/mcp' }],
    ['token_issuer_unknown', 'of a stranger', { iss: 'https://evil.example' }],
    ['credential_expired', 'of yesterday', { iat: now - 90_000, exp: now - 86_400 }],
    ['token_not_yet_valid', 'of tomorrow', { nbf: now + 86_000, exp: now + 86_100 }],
    ['credential_invalid', 'without a subject', { sub: undefined }],
  ])('is refused with %s when it is one %s', async (reason, _what, more) => {
    const response = await call(await tokenFor(url, more));
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token", res/);
    expect(await reasonOf(response)).toEqual([401, reason]);
    expect(upstream.seen).toEqual([]);
    expect(node.recorder.records).toEqual([]);
    expect(node.recorder.refusals).toMatchObject([
      { reason, organizationId: node.organization.id },
    ]);
  });

  test('for the GraphQL API is refused', async () => {
    const claims = claimsFor('mcpgw-graphql', { iss: 'mcp-gateway', sub: 'u', sid: 's' });
    expect(await reasonOf(await call(await own.sign({ claims })))).toEqual([
      401,
      'token_audience_wrong',
    ]);
  });

  test('that gives no role is refused without a challenge: another scope would not help', async () => {
    trust({ defaultRole: '' });
    const response = await call(await tokenFor(url));
    expect(response.headers.get('www-authenticate')).toBeNull();
    expect(await reasonOf(response)).toEqual([403, 'role_missing']);
    expect(node.recorder.records).toMatchObject([
      { subject: 'issuer:login:alice', reason: 'role_missing' },
    ]);
  });

  test('goes on through a rotation, and ends with its key', async () => {
    const old = await tokenFor(url);
    const next = await TokenSigner.create('ES256', 'key-2');
    const renewed = await next.sign({ claims: claimsFor(url, { jti: 'j2' }) });
    expect((await call(old)).status).toBe(200);
    trust({ jwks: JSON.stringify({ keys: [signer.publicJwk, next.publicJwk] }) });
    expect([(await call(old)).status, (await call(renewed)).status]).toEqual([200, 200]);
    trust({ jwks: next.jwks });
    expect(await reasonOf(await call(old))).toEqual([401, 'credential_invalid']);
    expect((await call(renewed)).status).toBe(200);
  });

  test('ends when it expires, also after it was verified', async () => {
    const token = await tokenFor(url);
    expect((await call(token)).status).toBe(200);
    clockMs = nowMs + 300_000;
    expect(await reasonOf(await call(token))).toEqual([401, 'credential_expired']);
  });

  test('keeps its session when the token is renewed', async () => {
    const reference = await startReferenceUpstream(0);
    try {
      const to = node.serve('reference', reference.url);
      const opening = {
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: {
          protocolVersion: '2025-11-25',
          capabilities: {},
          clientInfo: { name: 'test', version: '1' },
        },
      };
      const scope = 'mcp:reference';
      const first = await tokenFor(to, { jti: 'first', scope });
      const opened = await node.post(to, opening, { authorization: `Bearer ${first}` });
      await opened.text();
      const session = opened.headers.get('mcp-session-id') ?? '';
      const listed = async (more: object) =>
        node.post(
          to,
          { jsonrpc: '2.0', id: 2, method: 'tools/list' },
          {
            authorization: `Bearer ${await tokenFor(to, { scope, ...more })}`,
            'mcp-session-id': session,
            'mcp-protocol-version': '2025-11-25',
          },
        );
      expect((await listed({ jti: 'second' })).status).toBe(200);
      expect((await listed({ sub: 'mallory' })).status).toBe(404);
    } finally {
      await reference.close();
    }
  });
});

describe.each(clients)('the user of %s', (name, connect) => {
  let upstream: ReferenceUpstream;
  let url: string;

  beforeEach(async () => {
    upstream = await startReferenceUpstream(0);
    url = node.serve('plain', upstream.url, { era: 'dual' });
  });

  afterEach(() => upstream.close());

  test('calls tools with an access token', async () => {
    const session = await connect({ url, apiKey: await tokenFor(url) });
    try {
      expect(await session.call('test_simple_text')).toMatchObject({ isError: false });
    } finally {
      await session.close();
    }
  });

  test.each<[ReasonCode, object]>([
    ['token_audience_wrong', { aud: 'https://other.example' }],
    ['credential_expired', { exp: now - 1 }],
    ['token_issuer_unknown', { iss: 'https://evil.example' }],
  ])('is told %s when connecting', async (reason, more) => {
    const told = name.includes('auto') ? 'HTTP 401' : reasons[reason].message;
    const token = await tokenFor(url, more);
    await expect(connect({ url, apiKey: token })).rejects.toThrow(told);
  });

  test('is told within a call that the token has expired', async () => {
    const session = await connect({ url, apiKey: await tokenFor(url) });
    try {
      clockMs = nowMs + 300_000;
      const { message } = reasons.credential_expired;
      await expect(session.call('test_simple_text')).rejects.toThrow(message);
    } finally {
      await session.close();
    }
  });
});
