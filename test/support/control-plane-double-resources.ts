import { contracts } from '../../common/contracts.ts';
import { hashCredential } from '../../common/credential.ts';
import { ResourceDigest } from '../../common/resource-digest.ts';
import { type ResourceScope, resourceVersion } from '../../common/resource-version.ts';
import type { Resource } from '../../proto/gen/mcpgw/discovery/v1/Resource.ts';
import type { TypeDigestInput } from '../../proto/gen/mcpgw/discovery/v1/TypeDigest.ts';
import type { ApiKeyInput } from '../../proto/gen/mcpgw/resources/v1/ApiKey.ts';
import type { OrganizationInput } from '../../proto/gen/mcpgw/resources/v1/Organization.ts';
import type { PolicyInput } from '../../proto/gen/mcpgw/resources/v1/Policy.ts';
import type { ServerInput } from '../../proto/gen/mcpgw/resources/v1/Server.ts';
import type { ToolPinInput } from '../../proto/gen/mcpgw/resources/v1/ToolPin.ts';

/** An envelope with the version that its content has. */
export function envelope(type: string, name: string, scope: ResourceScope, body: Buffer): Resource {
  const version = resourceVersion(scope, body);
  return {
    type,
    name,
    version,
    scope: { organizationId: scope.organizationId, serverIds: [...scope.serverIds] },
    body,
    withheld: false,
  };
}

/** The same resource as it is sent to a build that refused it. */
export function withheld(resource: Resource): Resource {
  return { ...resource, body: Buffer.alloc(0), withheld: true };
}

export function organization(id: string, fields: OrganizationInput = {}): Resource {
  const body = contracts.resources.Organization.serialize({
    id,
    slug: id,
    enabled: true,
    policyDefault: 'POLICY_DEFAULT_ALLOW',
    ...fields,
  });
  return envelope('Organization', id, { organizationId: id, serverIds: [] }, body);
}

export function apiKey(keyId: string, organizationId: string, fields: ApiKeyInput = {}): Resource {
  const body = contracts.resources.ApiKey.serialize({
    keyId,
    organizationId,
    secretHash: hashCredential(keyId),
    subject: `service:${keyId}`,
    roles: ['agent'],
    ...fields,
  });
  return envelope('ApiKey', keyId, { organizationId, serverIds: [] }, body);
}

export function server(id: string, organizationId: string, fields: ServerInput = {}): Resource {
  const body = contracts.resources.Server.serialize({
    id,
    organizationId,
    slug: id,
    enabled: true,
    transport: 'TRANSPORT_STREAMABLE_HTTP',
    endpoints: [{ id: `${id}-1`, url: 'http://127.0.0.1:9/mcp', weight: 1 }],
    ...fields,
  });
  return envelope('Server', id, { organizationId, serverIds: [id] }, body);
}

export function sealKeyRing(name = 'ring', primaryByte = 1): Resource {
  const body = contracts.resources.SealKeyRing.serialize({
    keys: [{ id: `k${primaryByte}`, key: Buffer.alloc(32, primaryByte), primary: true }],
  });
  return envelope('SealKeyRing', name, { organizationId: '', serverIds: [] }, body);
}

export function toolPin(fields: ToolPinInput & { id: string; serverId: string }): Resource {
  const { id, organizationId = 'acme', serverId } = fields;
  const body = contracts.resources.ToolPin.serialize({ ...fields, organizationId });
  return envelope('ToolPin', id, { organizationId, serverIds: [serverId] }, body);
}

/** An enforced policy that denies every call, except as given. */
export function policy(id: string, organizationId: string, fields: PolicyInput = {}): Resource {
  const body = contracts.resources.Policy.serialize({
    id,
    organizationId,
    name: id,
    revision: 1,
    effect: 'POLICY_EFFECT_DENY',
    mode: 'POLICY_MODE_ENFORCE',
    ...fields,
  });
  return envelope('Policy', id, { organizationId, serverIds: [] }, body);
}

/** A policy that no build of today can use: its effect is none that it knows. */
export function strangePolicy(
  id: string,
  organizationId: string,
  serverIds: string[] = [],
): Resource {
  const body = contracts.resources.Policy.serialize({ id, organizationId, name: id, revision: 1 });
  return envelope('Policy', id, { organizationId, serverIds }, body);
}

/** Digests of a set of resources, as a commit marker carries them. */
export function digestsOf(resources: Iterable<Resource>): TypeDigestInput[] {
  const digests = new Map<string, ResourceDigest>();
  for (const { type, name, version } of resources) {
    const digest = digests.get(type) ?? new ResourceDigest();
    digest.add(name, version);
    digests.set(type, digest);
  }
  return [...digests].map(([type, digest]) => ({
    type,
    digest: digest.bytes(),
    count: digest.count,
  }));
}

/** Every token of a subject that was issued before now, for a quarter of an hour. */
export function revocation(id: string, organizationId: string, subject: string): Resource {
  const body = contracts.resources.Revocation.serialize({
    id,
    organizationId,
    subject,
    issuedBeforeMs: Date.now(),
    expiresAtMs: Date.now() + 900_000,
  });
  return envelope('Revocation', id, { organizationId, serverIds: [] }, body);
}
