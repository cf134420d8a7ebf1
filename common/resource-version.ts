import { hash } from 'node:crypto';
import { contracts } from './contracts.ts';

/** What a resource applies to, as `Scope` in proto/mcpgw/discovery/v1 carries it. */
export interface ResourceScope {
  /** Empty: no one organization's, such as a seal key ring. */
  readonly organizationId: string;
  /** Empty: the whole organization. */
  readonly serverIds: readonly string[];
}

/** The scope's canonical encoding: fields in number order, defaults omitted, server ids sorted. */
function encodeScope(scope: ResourceScope): Buffer {
  return contracts.discovery.Scope.serialize({
    ...(scope.organizationId === '' ? {} : { organizationId: scope.organizationId }),
    ...(scope.serverIds.length === 0 ? {} : { serverIds: [...scope.serverIds].sort() }),
  });
}

/**
 * Version of a resource: the first 16 bytes, in hex, of SHA-256 over the length of the encoded scope
 * (4 bytes, big-endian), the encoded scope, and the encoded body. The length keeps a scope's last
 * bytes from passing for a body's first. A node may check it on every resource that isn't withheld.
 */
export function resourceVersion(scope: ResourceScope, body: Uint8Array): string {
  const encoded = encodeScope(scope);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(encoded.length);
  return hash('sha256', Buffer.concat([length, encoded, body])).slice(0, 32);
}
