import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Principal } from './principal.ts';

/**
 * Whether a token that is good otherwise was revoked: asked for each call, also of a token that was verified
 * before. An API key is revoked by its resource's going, so that it is never found.
 */
export function isRevoked(snapshot: Snapshot, principal: Principal, nowMs: number): boolean {
  const { token, organizationId, subject } = principal;
  if (token === undefined) return false;
  return snapshot.revocations.covers({ ...token, organizationId, subject }, nowMs);
}
