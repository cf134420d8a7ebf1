import { contracts } from '../../common/contracts.ts';
import { canonicalMessage, canonicalSet } from './canonical-message.ts';
import { type CompiledResource, compiledResource } from './compiled-resource.ts';

/** What of an API key's row reaches nodes. A revoked key's row is never compiled. */
export interface ApiKeyRow {
  readonly id: string;
  readonly keyId: string;
  readonly organizationId: string;
  /** SHA-256 of the whole key. */
  readonly secretHash: Uint8Array;
  readonly subject: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** Milliseconds since the Unix epoch; undefined: never. */
  readonly expiresAtMs: number | undefined;
  readonly label: string;
}

/**
 * An expired key is streamed with its expiry: nodes refuse it by their clock, which keeps what is
 * streamed a function of the rows alone, and lets them tell "expired" from "unknown".
 */
export function apiKeyResource(row: ApiKeyRow): CompiledResource {
  const body = contracts.resources.ApiKey.serialize(
    canonicalMessage({
      keyId: row.keyId,
      organizationId: row.organizationId,
      secretHash: Buffer.from(row.secretHash),
      subject: row.subject,
      roles: canonicalSet(row.roles),
      scopes: canonicalSet(row.scopes),
      expiresAtMs: row.expiresAtMs ?? 0,
      label: row.label,
    }),
  );
  return compiledResource({
    type: 'ApiKey',
    name: row.keyId,
    scope: { organizationId: row.organizationId, serverIds: [] },
    body,
  });
}
