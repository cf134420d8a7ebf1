import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { contracts } from '../../../common/contracts.ts';
import { resourceTypes } from '../../../common/resource-types.ts';
import { decodeResource } from '../../../data-plane/snapshot/resource-decoders.ts';
import type { Resource } from '../../../proto/gen/mcpgw/discovery/v1/Resource.ts';
import type { SealKeyInput } from '../../../proto/gen/mcpgw/resources/v1/SealKey.ts';
import type { ServerInput } from '../../../proto/gen/mcpgw/resources/v1/Server.ts';
import {
  apiKey,
  organization,
  sealKeyRing,
  server,
} from '../../support/control-plane-double-resources.ts';

function decode(resource: Resource, more: Partial<Resource> = {}) {
  const { type, name, scope, body } = { ...resource, ...more };
  return decodeResource(type, {
    name,
    scope: { organizationId: scope?.organizationId ?? '', serverIds: scope?.serverIds ?? [] },
    body,
  });
}

/** Paths of what is wrong. */
function paths(resource: Resource, more: Partial<Resource> = {}): string[] {
  const decoded = decode(resource, more);
  return decoded.ok ? [] : decoded.violations.map(({ path }) => path);
}

const endpoint = { id: 'e', url: 'https://mcp.example.com/mcp', weight: 1 };

describe('a server', () => {
  test('becomes what calls are routed by', () => {
    const decoded = decode(
      server('s', 'acme', {
        slug: 'files',
        era: 'ERA_MODERN',
        transport: 'TRANSPORT_HTTP_SSE',
        endpoints: [endpoint],
        credential: { header: 'x-api-key', value: 'secret' },
        requestTimeoutMs: 5000,
        labels: [{ name: 'team', value: 'search' }],
      }),
    );
    expect(decoded.ok && decoded.value).toEqual({
      type: 'Server',
      value: {
        id: 's',
        organizationId: 'acme',
        slug: 'files',
        enabled: true,
        transport: 'http-sse',
        era: 'modern',
        endpoints: [{ ...endpoint, url: new URL(endpoint.url) }],
        credential: { header: 'x-api-key', value: 'secret' },
        connectTimeoutMs: undefined,
        requestTimeoutMs: 5000,
        labels: new Map([['team', 'search']]),
      },
    });
  });

  const withUrl = (url: string): ServerInput => ({ endpoints: [{ ...endpoint, url }] });
  const withCredential = (header: string, value: string): ServerInput => ({
    credential: { header, value },
  });
  test.each<[string, ServerInput, string]>([
    ['a URL of another scheme', withUrl('file:///etc/passwd'), 'endpoints[0].url'],
    ['a relative URL', withUrl('/mcp'), 'endpoints[0].url'],
    ['a URL with a password', withUrl('https://u:p@mcp.example.com/'), 'endpoints[0].url'],
    ['a URL with a fragment', withUrl('https://mcp.example.com/#x'), 'endpoints[0].url'],
    ['an endless URL', withUrl(`https://mcp.example.com/${'x'.repeat(3000)}`), 'endpoints[0].url'],
    ['no endpoint', { endpoints: [] }, 'endpoints'],
    ['too many endpoints', { endpoints: Array.from({ length: 65 }, () => endpoint) }, 'endpoints'],
    ['two endpoints of one id', { endpoints: [endpoint, endpoint] }, 'endpoints[1].id'],
    ['no weight', { endpoints: [{ ...endpoint, weight: 0 }] }, 'endpoints[0].weight'],
    ['too much weight', { endpoints: [{ ...endpoint, weight: 1001 }] }, 'endpoints[0].weight'],
    ['no transport', { transport: 'TRANSPORT_UNSPECIFIED' }, 'transport'],
    ['an era of a later build', { era: 9 as never }, 'era'],
    ['a slug that is no segment', { slug: 'a/b' }, 'slug'],
    ['a credential without a header', withCredential('', 'secret'), 'credential.header'],
    ['a credential in Host', withCredential('host', 'secret'), 'credential.header'],
    ['a credential in a routing header', withCredential('mcp-param-x', 'a'), 'credential.header'],
    ['a credential of two lines', withCredential('x-key', 'a\r\nhost: b'), 'credential.value'],
    ['an endless time-out', { requestTimeoutMs: 4_000_000_000 }, 'request_timeout_ms'],
  ])('with %s is refused', (_what, fields, path) => {
    expect(paths(server('s', 'acme', fields))).toContain(path);
  });

  test('says everything that is wrong at once, and never what the credential is', () => {
    const decoded = decode(
      server('s', 'acme', { slug: '', endpoints: [], ...withCredential('x-key', 's3cret\n') }),
    );
    expect(decoded.ok).toBe(false);
    const violations = decoded.ok ? [] : decoded.violations;
    expect(violations.map(({ path }) => path)).toEqual(['slug', 'endpoints', 'credential.value']);
    expect(JSON.stringify(violations)).not.toContain('s3cret');
  });
});

describe('an API key', () => {
  test('without an expiry never expires', () => {
    const decoded = decode(apiKey('keyAAAAAAAAA', 'acme'));
    expect(decoded.ok && decoded.value.value).toMatchObject({ expiresAtMs: undefined });
    const expiring = decode(apiKey('keyAAAAAAAAA', 'acme', { expiresAtMs: 1 }));
    expect(expiring.ok && expiring.value.value).toMatchObject({ expiresAtMs: 1 });
  });

  test.each([
    [
      'a short hash',
      apiKey('keyAAAAAAAAA', 'acme', { secretHash: Buffer.alloc(31) }),
      'secret_hash',
    ],
    ['no subject', apiKey('keyAAAAAAAAA', 'acme', { subject: '' }), 'subject'],
    ['an id that no key has', apiKey('short', 'acme'), 'key_id'],
    ['no organization', apiKey('keyAAAAAAAAA', ''), 'organization_id'],
    ['an empty role', apiKey('keyAAAAAAAAA', 'acme', { roles: [''] }), 'roles[0]'],
    [
      'too many scopes',
      apiKey('keyAAAAAAAAA', 'acme', { scopes: Array.from({ length: 65 }, String) }),
      'scopes',
    ],
  ])('with %s is refused', (_what, resource, path) => {
    expect(paths(resource)).toContain(path);
  });
});

describe('an organization', () => {
  test.each(['https://app.example.com/', 'app.example.com', 'null', '*', 'ftp://a.example'])(
    'with the origin %s is refused',
    (origin) => {
      const resource = organization('acme', { allowedOrigins: ['https://ok.example', origin] });
      expect(paths(resource)).toEqual(['allowed_origins[1]']);
    },
  );
});

describe('a seal key ring', () => {
  const key: SealKeyInput = { id: 'a', key: Buffer.alloc(32), primary: true };
  const ring = (keys: SealKeyInput[]): Resource => ({
    ...sealKeyRing(),
    body: contracts.resources.SealKeyRing.serialize({ keys }),
  });
  test.each([
    ['no key', ring([]), 'keys'],
    ['no primary', ring([{ ...key, primary: false }]), 'keys'],
    ['two primaries', ring([key, { ...key, id: 'b' }]), 'keys'],
    ['a short key', ring([{ ...key, key: Buffer.alloc(31) }]), 'keys[0].key'],
    ['two keys of one id', ring([key, { ...key, primary: false }]), 'keys[1].id'],
  ])('with %s is refused', (_what, resource, path) => {
    expect(paths(resource)).toContain(path);
  });

  test('opens with every key and seals with the primary', () => {
    const decoded = decode(ring([key, { id: 'b', key: Buffer.alloc(32, 2), primary: false }]));
    if (!decoded.ok || decoded.value.type !== 'SealKeyRing') throw new Error('refused');
    expect(decoded.value.value.primary.id).toBe('a');
    expect(decoded.value.value.find('b')?.key).toEqual(Buffer.alloc(32, 2));
    expect(decoded.value.value.find('c')).toBeUndefined();
  });
});

describe('any resource', () => {
  test('whose envelope says something else than its body is refused', () => {
    for (const resource of [organization('a'), apiKey('keyAAAAAAAAA', 'a'), server('a', 'a')]) {
      expect(decode(resource).ok).toBe(true);
      expect(decode(resource, { name: 'other' }).ok).toBe(false);
      expect(decode(resource, { scope: { organizationId: 'other', serverIds: [] } }).ok).toBe(
        false,
      );
    }
  });

  test('of an unknown type is refused', () => {
    expect(decode(organization('a'), { type: 'Unheard' }).ok).toBe(false);
    expect(decode(organization('a'), { type: 'constructor' }).ok).toBe(false);
  });

  test('with any bytes for a body is decoded or refused, and never throws', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...resourceTypes),
        fc.uint8Array({ maxLength: 200 }),
        (type, body) => {
          decode(organization('a'), { type, body: Buffer.from(body) });
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('with a flipped bit is decoded or refused, and never throws', () => {
    const whole = server('s', 'acme', { credential: { header: 'x-key', value: 'secret' } });
    fc.assert(
      fc.property(fc.nat({ max: whole.body.length * 8 - 1 }), (bit) => {
        const body = Buffer.from(whole.body);
        body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        decode(whole, { body });
      }),
      { numRuns: 1000 },
    );
  });
});
