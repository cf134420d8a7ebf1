import { ResourceDigest } from '../../common/resource-digest.ts';
import { type ResourceType, resourceTypes } from '../../common/resource-types.ts';
import { ChangeLog } from './change-log.ts';
import { type CompiledResource, type ResourceKey, resourceKey } from './compiled-resource.ts';

/** Digest of the resources of one type that a group's nodes hold. */
export interface GroupDigest {
  readonly type: ResourceType;
  readonly digest: Buffer;
  readonly count: number;
}

/** A node group's row, with the organizations that it serves. */
export interface GroupRow {
  readonly id: string;
  readonly name: string;
  /** Serves every organization, also those of tomorrow. */
  readonly servesAll: boolean;
  readonly organizationIds: ReadonlySet<string>;
}

/**
 * What the nodes of one group hold at one revision: the resources of the group's organizations and the
 * group's own key ring. Another group's resources are not in it, so no stream can leak them.
 */
export class GroupView {
  readonly id: string;
  #row: GroupRow;
  readonly #resources = new Map<ResourceKey, CompiledResource>();
  readonly #digests = new Map<ResourceType, ResourceDigest>();
  readonly #log: ChangeLog;
  #changed = new Set<ResourceKey>();

  constructor(row: GroupRow, revision: number, changeLogKeysMax: number) {
    this.id = row.id;
    this.#row = row;
    this.#log = new ChangeLog(revision, changeLogKeysMax);
    for (const type of resourceTypes) this.#digests.set(type, new ResourceDigest());
  }

  get row(): GroupRow {
    return this.#row;
  }

  get size(): number {
    return this.#resources.size;
  }

  setRow(row: GroupRow): void {
    this.#row = row;
  }

  get(key: ResourceKey): CompiledResource | undefined {
    return this.#resources.get(key);
  }

  resources(): Iterable<CompiledResource> {
    return this.#resources.values();
  }

  set(resource: CompiledResource): void {
    const key = resourceKey(resource.type, resource.name);
    const old = this.#resources.get(key);
    if (old?.version === resource.version) return;
    if (old) this.#digests.get(old.type)?.remove(old.name, old.version);
    this.#resources.set(key, resource);
    this.#digests.get(resource.type)?.add(resource.name, resource.version);
    this.#changed.add(key);
  }

  remove(key: ResourceKey): void {
    const old = this.#resources.get(key);
    if (!old) return;
    this.#resources.delete(key);
    this.#digests.get(old.type)?.remove(old.name, old.version);
    this.#changed.add(key);
  }

  /** Ends a step: what was set and removed since the last one happened on the way to `revision`. */
  commit(revision: number): void {
    this.#log.append(revision, this.#changed);
    this.#changed = new Set();
  }

  /** See `ChangeLog.since`. */
  changedSince(revision: number): Set<ResourceKey> | undefined {
    return this.#log.since(revision);
  }

  /** One digest for each of `types`, also of those without a resource. */
  digests(types: ReadonlySet<string>): GroupDigest[] {
    return [...this.#digests]
      .filter(([type]) => types.has(type))
      .map(([type, digest]) => ({ type, digest: digest.bytes(), count: digest.count }));
  }
}
