import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Principal } from './principal.ts';

/**
 * Which revocations a principal was last asked about and found clear of. Those of one snapshot never become
 * more with time, so that the next call pays a look-up by identity instead of one by texts.
 */
const clearOf = new WeakMap<Principal, Snapshot['revocations']>();

/**
 * Whether a token that is good otherwise was revoked: asked for each call, also of a token that was verified
 * before. An API key is revoked by its resource's going, so that it is never found.
 */
export function isRevoked(snapshot: Snapshot, principal: Principal, nowMs: number): boolean {
  const { token, organizationId, subject } = principal;
  if (token === undefined) return false;
  const { revocations } = snapshot;
  if (clearOf.get(principal) === revocations) return false;
  if (revocations.covers({ ...token, organizationId, subject }, nowMs)) return true;
  clearOf.set(principal, revocations);
  return false;
}
