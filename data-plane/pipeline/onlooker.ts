import type { Snapshot } from '../snapshot/snapshot.ts';
import { policyCaller } from './policy-caller.ts';
import type { Routed } from './route.ts';
import { currentScopes, currentTarget } from './standing.ts';
import { type VisibleItems, visibleItems } from './visible-items.ts';

/** What the call was made for is gone. */
const nothing: VisibleItems = { shows: () => false };

/**
 * What a call's caller could use of its server, by a snapshot that may be newer than the call's own.
 *
 * @returns undefined: everything.
 */
export function visibleTo(
  routed: Routed,
  snapshot: Snapshot,
  nowMs: number,
): VisibleItems | undefined {
  const target = currentTarget(routed, snapshot);
  if (target === undefined) return nothing;
  return visibleItems({
    ...target,
    snapshot,
    scopes: currentScopes(routed.decoded.identified.principal, snapshot),
    caller: () => policyCaller(routed, target, snapshot, nowMs),
  });
}
