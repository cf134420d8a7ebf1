import type { GroupDigest, GroupView } from '../snapshot/group-view.ts';
import {
  type HeldVersions,
  type RevisionRange,
  rangeFromVersions,
} from '../snapshot/revision-range.ts';
import type { NodeHello } from './node-hello.ts';

const nothing: HeldVersions = new Map();

function isSame(hello: NodeHello, due: GroupDigest): boolean {
  const held = hello.digests.get(due.type);
  if (!held || held.count === 0) return due.count === 0;
  return held.count === due.count && due.digest.equals(held.digest);
}

/**
 * Makes the range for a node whose revision says nothing: of the types whose digests differ the node
 * lists its versions, the others are the same on both sides. A node at revision 0 holds nothing,
 * whatever else it says, and gets everything.
 * @param current the group's view and revision at the moment of the call.
 * @param versionsOf asks the node what it holds of some types; meanwhile the view may move on.
 */
export async function reconcile(
  hello: NodeHello,
  current: () => { view: GroupView; revision: number },
  versionsOf: (types: readonly string[]) => Promise<ReadonlyMap<string, HeldVersions>>,
): Promise<RevisionRange> {
  const held = new Map<string, HeldVersions>();
  for (;;) {
    const { view, revision } = current();
    const ask: string[] = [];
    for (const due of view.digests(hello.types)) {
      if (held.has(due.type)) continue;
      const holdsNone = hello.revision === 0 || !hello.digests.get(due.type)?.count;
      if (holdsNone) held.set(due.type, nothing);
      else if (!isSame(hello, due)) ask.push(due.type);
    }
    if (ask.length === 0) {
      // The revision of another history may be higher; a range never runs backwards.
      const bounds = { fromRevision: Math.min(hello.revision, revision), toRevision: revision };
      return rangeFromVersions(view, bounds, hello.types, held);
    }
    // Types that were the same may differ once the node has answered: they are compared again.
    for (const [type, versions] of await versionsOf(ask)) held.set(type, versions);
  }
}
