import { credentialId, credentialMatches } from '../../common/credential.ts';
import type { ReasonCode } from '../../common/reasons.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Principal } from './principal.ts';

type IdentityRefusal = Extract<
  ReasonCode,
  'credential_missing' | 'credential_invalid' | 'credential_expired'
>;

/** Compared when there is no such key, so that a known id takes as long as an unknown one. */
const noHash = Buffer.alloc(32);

/** The token of an `Authorization: Bearer` value; the scheme's case doesn't matter (RFC 9110, 11.1). */
function bearerToken(authorization: string): string | undefined {
  return /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(authorization)?.[1];
}

/**
 * Tells who calls by the API key in an Authorization header. The checksum is tried before the look-up, the
 * secret is compared in constant time, and its expiry is told only to whoever has the secret.
 */
export function identifyApiKey(
  authorization: string | undefined,
  snapshot: Snapshot,
  nowMs: number,
): Principal | IdentityRefusal {
  if (authorization === undefined) return 'credential_missing';
  const text = bearerToken(authorization);
  const keyId = text === undefined ? undefined : credentialId('apiKey', text);
  if (text === undefined || keyId === undefined) return 'credential_invalid';
  const key = snapshot.apiKey(keyId);
  const matches = credentialMatches(text, key?.secretHash ?? noHash);
  if (key === undefined || !matches) return 'credential_invalid';
  if (key.expiresAtMs !== undefined && key.expiresAtMs <= nowMs) return 'credential_expired';
  return {
    organizationId: key.organizationId,
    subject: key.subject,
    roles: key.roles,
    scopes: key.scopes,
    credentialId: key.keyId,
    token: undefined,
  };
}
