import { describe, expect, test } from '@jest/globals';
import { contracts } from '../../../common/contracts.ts';
import { resourceVersion } from '../../../common/resource-version.ts';
import { apiKeyResource } from '../../../control-plane/snapshot/api-key-resource.ts';
import { organizationResource } from '../../../control-plane/snapshot/organization-resource.ts';
import { sealKeyRingResource } from '../../../control-plane/snapshot/seal-key-ring-resource.ts';
import {
  type ServerRow,
  serverResource,
  serverViolations,
} from '../../../control-plane/snapshot/server-resource.ts';
import { policyColumns } from '../../support/policy-settings.ts';

const server: ServerRow = {
  id: 'server-1',
  organizationId: 'organization-1',
  slug: 'files',
  enabled: true,
  transport: 'TRANSPORT_STREAMABLE_HTTP',
  era: undefined,
  endpoints: [
    { id: 'b', url: 'https://b.example/mcp', weight: 1 },
    { id: 'a', url: 'https://a.example/mcp', weight: 2 },
  ],
  credential: { header: 'authorization', value: 'Bearer upstream' },
  connectTimeoutMs: 0,
  requestTimeoutMs: 30_000,
  labels: { team: 'search', environment: 'production' },
};

describe('resources', () => {
  test('a body leaves defaults out and does not depend on the order of sets', () => {
    const row = {
      id: 'o',
      slug: 'acme',
      enabled: false,
      mustAudit: false,
      staleAfterSeconds: null,
      ...policyColumns,
    };
    const one = organizationResource({ ...row, allowedOrigins: ['https://b', 'https://a'] });
    const other = organizationResource({ ...row, allowedOrigins: ['https://a', 'https://b'] });
    expect(one.body.equals(other.body)).toBe(true);
    expect(one.version).toBe(other.version);
    // Fields 1 "o", 2 "acme", 7 to 10 of the policy settings: `enabled: false` takes none.
    const bare = organizationResource({ ...row, allowedOrigins: [] });
    expect(bare.body.toString('hex')).toBe('0a016f120461636d6538014002480150808001');
    expect(contracts.resources.Organization.deserialize(bare.body)).toMatchObject({
      enabled: false,
      mustAudit: false,
      allowedOrigins: [],
    });
  });

  test('the version covers scope and body', () => {
    const body = Buffer.from('body');
    const version = resourceVersion({ organizationId: 'o', serverIds: ['b', 'a'] }, body);
    expect(version).toMatch(/^[0-9a-f]{32}$/);
    expect(resourceVersion({ organizationId: 'o', serverIds: ['a', 'b'] }, body)).toBe(version);
    expect(resourceVersion({ organizationId: 'o', serverIds: ['a'] }, body)).not.toBe(version);
    expect(
      resourceVersion({ organizationId: 'o', serverIds: ['a', 'b'] }, Buffer.from('x')),
    ).not.toBe(version);
  });

  test('an API key carries its hash, subject and expiry', () => {
    const resource = apiKeyResource({
      id: 'row',
      keyId: 'abcdefghijkl',
      organizationId: 'o',
      secretHash: Buffer.alloc(32, 7),
      subject: 'service:agent',
      roles: ['agent'],
      scopes: [],
      expiresAtMs: 1_800_000_000_000,
      label: 'build agent',
    });
    expect(resource.name).toBe('abcdefghijkl');
    expect(contracts.resources.ApiKey.deserialize(resource.body)).toMatchObject({
      secretHash: Buffer.alloc(32, 7),
      subject: 'service:agent',
      expiresAtMs: 1_800_000_000_000,
    });
  });

  test('a server carries its endpoints by id, its credential, and its own id as scope', () => {
    const resource = serverResource(server);
    const body = contracts.resources.Server.deserialize(resource.body);
    expect(body.endpoints.map((endpoint) => endpoint.id)).toEqual(['a', 'b']);
    expect(body.era).toBe('ERA_UNSPECIFIED');
    expect(body.credential).toEqual({ header: 'authorization', value: 'Bearer upstream' });
    expect(resource.scope.serverIds).toEqual(['server-1']);
    expect(serverViolations(server)).toEqual([]);
  });

  test('names every field of a server that no node could use', () => {
    const violations = serverViolations({
      ...server,
      endpoints: [
        { id: 'a', url: 'ftp://a.example', weight: 1 },
        { id: 'b', url: 'https://b.example', weight: 0 },
      ],
      credential: { header: 'x key', value: 'a\r\nb: c' },
    });
    expect(violations.map((violation) => violation.path)).toEqual([
      'endpoints[0].url',
      'endpoints[1].weight',
      'credential.header',
      'credential.value',
    ]);
    expect(serverViolations({ ...server, endpoints: [] })).toHaveLength(1);
  });

  test('a ring is the same whatever the order of its keys', () => {
    const first = { keyId: '1', key: Buffer.alloc(32, 1), primary: false };
    const second = { keyId: '2', key: Buffer.alloc(32, 2), primary: true };
    const ring = sealKeyRingResource('group', [second, first]);
    expect(ring.version).toBe(sealKeyRingResource('group', [first, second]).version);
    expect(
      contracts.resources.SealKeyRing.deserialize(ring.body).keys.map((key) => key.primary),
    ).toEqual([false, true]);
  });
});
