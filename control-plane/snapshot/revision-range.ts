import type { CompiledResource, ResourceKey } from './compiled-resource.ts';
import { resourceKey, resourceNameOf } from './compiled-resource.ts';
import type { GroupDigest, GroupView } from './group-view.ts';

/** What turns a node's state at `fromRevision` into the group's state at `toRevision`. Immutable. */
export interface RevisionRange {
  readonly fromRevision: number;
  readonly toRevision: number;
  readonly resources: readonly CompiledResource[];
  readonly removed: readonly { readonly type: string; readonly name: string }[];
  /** What the node's digests must be afterwards. */
  readonly digests: readonly GroupDigest[];
}

/** name → version of one type, as a node says that it holds them. */
export type HeldVersions = ReadonlyMap<string, string>;

function rangeOf(
  view: GroupView,
  keys: Iterable<ResourceKey>,
  bounds: { fromRevision: number; toRevision: number },
  types: ReadonlySet<string>,
): RevisionRange {
  const resources: CompiledResource[] = [];
  const removed: { type: string; name: string }[] = [];
  for (const key of keys) {
    const resource = view.get(key);
    const name = resource ?? resourceNameOf(key);
    if (!types.has(name.type)) continue;
    if (resource) resources.push(resource);
    else removed.push({ type: name.type, name: name.name });
  }
  return { ...bounds, resources, removed, digests: view.digests(types) };
}

/**
 * The range for a node that holds the group's state at `fromRevision`, from the change log; undefined
 * when the log doesn't reach back so far and the node's versions must be compared.
 */
export function rangeSince(
  view: GroupView,
  bounds: { fromRevision: number; toRevision: number },
  types: ReadonlySet<string>,
): RevisionRange | undefined {
  const keys = view.changedSince(bounds.fromRevision);
  return keys && rangeOf(view, keys, bounds, types);
}

/**
 * The range for a node whose state is known only by its version lists: for each listed type, what
 * differs and what the group no longer has. Types that aren't listed are the same on both sides.
 */
export function rangeFromVersions(
  view: GroupView,
  bounds: { fromRevision: number; toRevision: number },
  types: ReadonlySet<string>,
  held: ReadonlyMap<string, HeldVersions>,
): RevisionRange {
  const keys: ResourceKey[] = [];
  for (const resource of view.resources()) {
    const versions = held.get(resource.type);
    if (versions && versions.get(resource.name) !== resource.version) {
      keys.push(resourceKey(resource.type, resource.name));
    }
  }
  for (const [type, versions] of held) {
    for (const name of versions.keys()) {
      const key = resourceKey(type, name);
      if (!view.get(key)) keys.push(key);
    }
  }
  return rangeOf(view, keys, bounds, types);
}
