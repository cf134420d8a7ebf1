import type { PreparedPolicy } from '../../common/policy/prepared-policy.ts';
import { isResourceType, type ResourceType } from '../../common/resource-types.ts';
import { decodeApiKey } from './api-key-decoder.ts';
import type { IssuerEntry } from './issuer.ts';
import { decodeIssuer } from './issuer-decoder.ts';
import { decodeOrganization } from './organization-decoder.ts';
import { decodePolicy } from './policy-decoder.ts';
import type { ResourceBody } from './resource-decoder.ts';
import type { RevocationEntry } from './revocation.ts';
import { decodeRevocation } from './revocation-decoder.ts';
import type { SealKeyRing } from './seal-key-ring.ts';
import { decodeSealKeyRing } from './seal-key-ring-decoder.ts';
import { decodeServer } from './server-decoder.ts';
import type { ApiKeyEntry, OrganizationEntry, ServerEntry } from './snapshot.ts';
import type { ToolPinEntry } from './tool-pin.ts';
import { decodeToolPin } from './tool-pin-decoder.ts';
import { type Decoded, refused } from './violation.ts';

/** A decoded resource, by its type. */
export type ResourceEntry =
  | { readonly type: 'Organization'; readonly value: OrganizationEntry }
  | { readonly type: 'ApiKey'; readonly value: ApiKeyEntry }
  | { readonly type: 'Issuer'; readonly value: IssuerEntry }
  | { readonly type: 'Server'; readonly value: ServerEntry }
  | { readonly type: 'ToolPin'; readonly value: ToolPinEntry }
  | { readonly type: 'Policy'; readonly value: PreparedPolicy }
  | { readonly type: 'Revocation'; readonly value: RevocationEntry }
  | { readonly type: 'SealKeyRing'; readonly value: SealKeyRing };

type EntryDecoder = (resource: ResourceBody) => Decoded<ResourceEntry>;

/**
 * A type that restricts calls and that this build has no means to enforce. It is announced as known all
 * the same: a node that were not sent such a rule would let through what the rule forbids.
 */
function notEnforceable(type: ResourceType): EntryDecoder {
  return () => refused('', `This build can't enforce a ${type}; what it targets is denied.`);
}

const decoders: Readonly<Record<ResourceType, EntryDecoder>> = {
  Organization: (resource) => {
    const decoded = decodeOrganization(resource);
    return decoded.ok
      ? { ok: true, value: { type: 'Organization', value: decoded.value } }
      : decoded;
  },
  ApiKey: (resource) => {
    const decoded = decodeApiKey(resource);
    return decoded.ok ? { ok: true, value: { type: 'ApiKey', value: decoded.value } } : decoded;
  },
  Server: (resource) => {
    const decoded = decodeServer(resource);
    return decoded.ok ? { ok: true, value: { type: 'Server', value: decoded.value } } : decoded;
  },
  SealKeyRing: (resource) => {
    const decoded = decodeSealKeyRing(resource);
    return decoded.ok
      ? { ok: true, value: { type: 'SealKeyRing', value: decoded.value } }
      : decoded;
  },
  Issuer: (resource) => {
    const decoded = decodeIssuer(resource);
    return decoded.ok ? { ok: true, value: { type: 'Issuer', value: decoded.value } } : decoded;
  },
  ToolPin: (resource) => {
    const decoded = decodeToolPin(resource);
    return decoded.ok ? { ok: true, value: { type: 'ToolPin', value: decoded.value } } : decoded;
  },
  Policy: (resource) => {
    const decoded = decodePolicy(resource);
    return decoded.ok ? { ok: true, value: { type: 'Policy', value: decoded.value } } : decoded;
  },
  RateLimit: notEnforceable('RateLimit'),
  Revocation: (resource) => {
    const decoded = decodeRevocation(resource);
    return decoded.ok ? { ok: true, value: { type: 'Revocation', value: decoded.value } } : decoded;
  },
};

/** Decodes a body of any type; never throws. */
export function decodeResource(type: string, resource: ResourceBody): Decoded<ResourceEntry> {
  if (!isResourceType(type)) return refused('', `This build knows no type "${type}".`);
  return decoders[type](resource);
}
