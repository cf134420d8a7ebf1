import { credentialId, credentialMatches } from '../../common/credential.ts';
import type { ReasonCode } from '../../common/reasons.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Principal } from './principal.ts';

type KeyRefusal = Extract<ReasonCode, 'credential_invalid' | 'credential_expired'>;

/** Compared when there is no such key, so that a known id takes as long as an unknown one. */
const noHash = Buffer.alloc(32);

/**
 * Tells who calls by an API key. The checksum is tried before the look-up, the secret is compared in constant
 * time, and its expiry is told only to whoever has the secret.
 */
export function identifyApiKey(
  text: string,
  snapshot: Snapshot,
  nowMs: number,
): Principal | KeyRefusal {
  const keyId = credentialId('apiKey', text);
  if (keyId === undefined) return 'credential_invalid';
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
