import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { PublicBase } from '../../data-plane/pipeline/public-base.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import { emptyResult, type ProxyUpstream, startProxyUpstream } from '../support/proxy-upstream.ts';
import { issuerEntry, issuerResource } from '../support/token-issuer.ts';

let node: ProxyHarness;
let upstream: ProxyUpstream;
let url: string;
let viewAgeMs: number | undefined;

beforeEach(async () => {
  viewAgeMs = 0;
  upstream = await startProxyUpstream(emptyResult);
  node = await new ProxyHarness({ viewAgeMs: () => viewAgeMs }).start();
  url = node.serve('files', upstream.url, { era: 'legacy' });
});

afterEach(async () => {
  await node.close();
  await upstream.close();
});

function call(name: string, scopes: readonly string[]): Promise<Response> {
  const key = node.snapshot.addKey(node.organization, 'user:1', { scopes });
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } };
  return node.post(url, message, { authorization: `Bearer ${key}` });
}

test('a call beyond its scopes is refused with all that it needs, and recorded', async () => {
  const issuer = issuerResource('login', node.organization.id, { issuer: 'https://login.example' });
  node.snapshot.issuersOf.set(node.organization.id, [issuerEntry(issuer)]);
  node.publicBase = new PublicBase(new URL('https://mcp.example.com'));
  const response = await call('write', ['mcp:files:read', 'mcp:other', 'admin']);
  expect(response.status).toBe(403);
  expect(response.headers.get('www-authenticate')).toBe(
    'Bearer error="insufficient_scope", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/acme/files/mcp", scope="mcp:files:read mcp:files:write"',
  );
  expect(await response.json()).toMatchObject({
    error: { data: { reason: 'scope_insufficient' } },
  });
  expect(upstream.seen).toEqual([]);
  expect(node.recorder.records).toMatchObject([
    {
      decision: 'DECISION_REFUSED',
      reason: 'scope_insufficient',
      subject: 'user:1',
      target: 'write',
    },
  ]);
});

test.each([[['mcp:files:write']], [['mcp:files']], [['mcp:*']]])(
  '%j let it pass',
  async (scopes) => {
    expect((await call('write', scopes)).status).toBe(200);
  },
);

test.each([[[]], [['admin']]])('%j let nothing pass', async (scopes) => {
  expect((await call('write', scopes)).status).toBe(403);
  expect(upstream.seen).toEqual([]);
});

test('an organization refuses a view that is older than it allows', async () => {
  const bounded = { ...node.organization, staleAfterMs: 10_000 };
  node.snapshot.organizations.set('acme', bounded);
  const statuses: number[] = [];
  for (viewAgeMs of [0, 10_000, 10_001, undefined]) {
    const response = await call('write', ['mcp:*']);
    statuses.push(response.status);
    if (response.status === 503) {
      expect(response.headers.get('retry-after')).toBe('5');
      expect(await response.json()).toMatchObject({
        error: { data: { reason: 'configuration_stale' } },
      });
    }
  }
  expect(statuses).toEqual([200, 200, 503, 503]);
  node.snapshot.organizations.set('acme', node.organization);
  expect((await call('write', ['mcp:*'])).status).toBe(200);
});
