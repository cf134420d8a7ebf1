import type { IssuerEntry } from '../snapshot/issuer.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Principal, TokenProof } from './principal.ts';
import { readTokenClaims } from './token-claims.ts';
import { issuerFor } from './token-issuer.ts';

function holdsKey(issuer: IssuerEntry, { key, token }: TokenProof): boolean {
  return issuer.keys.some(
    (held) =>
      held.id === key.id && held.algorithms.has(token.algorithm) && held.key.equals(key.key),
  );
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((text, index) => text === right[index]);
}

/**
 * Whether what was decided by a caller's token still holds under a newer snapshot: its issuer is trusted, the
 * key that verified it is among the issuer's, and it gives the same roles and scopes. A key that was added
 * ends nothing. Expiry and revocations are other questions. An API key has no token to lose.
 */
export function tokenStands(snapshot: Snapshot, principal: Principal): boolean {
  if (principal.token === undefined) return true;
  const { proof } = principal.token;
  const issuer = issuerFor(snapshot, principal.organizationId, proof.issuer.issuer);
  if (issuer === proof.issuer) return true;
  if (issuer === undefined || issuer.id !== proof.issuer.id) return false;
  if (!holdsKey(issuer, proof)) return false;
  const now = readTokenClaims({ ...proof, issuer })?.principal;
  return (
    now !== undefined &&
    now.subject === principal.subject &&
    isSame(now.roles, principal.roles) &&
    isSame(now.scopes, principal.scopes)
  );
}
