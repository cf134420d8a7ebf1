import { failClosedTypes, isResourceType } from '../../common/resource-types.ts';
import { type ResourceScope, resourceVersion } from '../../common/resource-version.ts';
import type { Resource } from '../../proto/gen/mcpgw/discovery/v1/Resource.ts';
import { decodeResource, type ResourceEntry } from './resource-decoders.ts';
import type { Violation } from './violation.ts';

/** A resource as the control plane sent it. */
export interface ReceivedResource {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly scope: ResourceScope;
  readonly body: Buffer;
  /** The control plane left the body out, because this build refused this version before. */
  readonly withheld: boolean;
}

/** A resource that can be used, with what it decodes to. */
export interface UsableResource {
  readonly resource: ReceivedResource;
  readonly entry: ResourceEntry;
}

/** What became of a received resource, before it is known what the node held of it. */
export type CheckedResource =
  | (UsableResource & { readonly refusal: undefined })
  | { readonly resource: ReceivedResource; readonly entry: undefined; readonly refusal: Violation };

/** What a node holds under one type and name. */
export interface HeldResource {
  /** What was received last, whether it could be used or not. */
  readonly received: ReceivedResource;
  /** Why the received version can't be used; undefined: it can. */
  readonly refusal: Violation | undefined;
  /** What calls are decided by: the received version, or the last good one before it, if any. */
  readonly usable: UsableResource | undefined;
  /**
   * False while a node of another build than refused it hasn't been offered it again: it stays out of
   * hello, digests and version lists.
   */
  readonly announced: boolean;
}

/** Longest sentence about a refusal that is kept, logged and reported, in characters. */
const messageLengthMax = 300;

/** Whether what a refused resource of this type targets is denied. */
export function failsClosed(type: string): boolean {
  return isResourceType(type) && failClosedTypes.has(type);
}

/** Whether a held resource closes its scope: it restricts, and can't be used. */
export function closesScope({ received, refusal }: HeldResource): boolean {
  return refusal !== undefined && refusal.isIdle !== true && failsClosed(received.type);
}

/** Name of a resource among those of all types. */
export function resourceKey(type: string, name: string): string {
  return `${type}/${name}`;
}

function violationOf(resource: ReceivedResource): Violation | ResourceEntry {
  if (resource.name === '') return { path: '', message: 'The resource has no name.' };
  if (resource.withheld) {
    return {
      path: '',
      message: 'This build refused this version before, so it was not sent again.',
    };
  }
  if (resourceVersion(resource.scope, resource.body) !== resource.version) {
    return { path: '', message: 'The content is not what the version is the hash of.' };
  }
  const decoded = decodeResource(resource.type, resource);
  return decoded.ok ? decoded.value : decoded.violations[0];
}

/** Verifies a resource's version and decodes its body. Never throws. */
export function checkResource(resource: ReceivedResource): CheckedResource {
  const outcome = violationOf(resource);
  if ('type' in outcome) return { resource, entry: outcome, refusal: undefined };
  const message = outcome.message.slice(0, messageLengthMax);
  return { resource, entry: undefined, refusal: { ...outcome, message } };
}

/** Takes an envelope out of a gRPC message, which may be released afterwards. */
export function receivedResource(message: Resource): ReceivedResource {
  return {
    type: message.type,
    name: message.name,
    version: message.version,
    scope: {
      organizationId: message.scope?.organizationId ?? '',
      serverIds: message.scope?.serverIds ?? [],
    },
    // A copy: a slice of the message would keep the whole message in memory.
    body: Buffer.from(message.body),
    withheld: message.withheld,
  };
}
