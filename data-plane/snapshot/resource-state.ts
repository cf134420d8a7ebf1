import { ResourceDigest } from '../../common/resource-digest.ts';
import {
  type CheckedResource,
  failsClosed,
  type HeldResource,
  type ReceivedResource,
  resourceKey,
} from './held-resource.ts';
import { atOnce } from './in-turns.ts';
import { PersistentMap, type PersistentMapEditor } from './persistent-map.ts';
import type { Snapshot } from './snapshot.ts';
import { SnapshotTables, type SnapshotTablesEditor } from './snapshot-tables.ts';

interface TypeState {
  readonly held: PersistentMap<HeldResource>;
  readonly digest: ResourceDigest;
}

interface StateParts {
  readonly epoch: string;
  readonly revision: number;
  readonly types: ReadonlyMap<string, TypeState>;
  /** What the node holds and can't use, of all types. */
  readonly refused: PersistentMap<HeldResource>;
  readonly tables: SnapshotTables;
}

/**
 * Everything that a node holds at one revision: what it received, what it makes of it, and the digests
 * that it is compared by. Immutable; the next revision's state shares all that the range leaves alone.
 */
export class ResourceState {
  /** Epoch of the database; empty while the node holds nothing. */
  readonly epoch: string;
  readonly revision: number;
  /** What calls are decided by; undefined while nothing can be served. */
  readonly snapshot: Snapshot | undefined;
  readonly #parts: StateParts;

  constructor(parts: StateParts) {
    this.epoch = parts.epoch;
    this.revision = parts.revision;
    this.#parts = parts;
    this.snapshot =
      parts.epoch === '' ? undefined : parts.tables.snapshot(parts.epoch, parts.revision);
  }

  static empty(): ResourceState {
    return new ResourceState({
      epoch: '',
      revision: 0,
      types: new Map(),
      refused: PersistentMap.empty(),
      tables: SnapshotTables.empty(),
    });
  }

  get(type: string, name: string): HeldResource | undefined {
    return this.#parts.types.get(type)?.held.get(name);
  }

  /** Types of which the node holds anything that it announces. */
  types(): string[] {
    return [...this.#parts.types]
      .filter(([, { digest }]) => digest.count > 0)
      .map(([type]) => type);
  }

  /** How many resources of a type the node announces, and the digest of their versions. */
  digest(type: string): { readonly count: number; readonly bytes: Buffer } {
    const digest = this.#parts.types.get(type)?.digest ?? new ResourceDigest();
    return { count: digest.count, bytes: digest.bytes() };
  }

  /** Everything held of one type. */
  *ofType(type: string): Generator<HeldResource> {
    const held = this.#parts.types.get(type)?.held;
    if (held !== undefined) yield* held.values();
  }

  /** Everything held that can't be used. */
  refused(): Iterable<HeldResource> {
    return this.#parts.refused.values();
  }

  get refusedCount(): number {
    return this.#parts.refused.size;
  }

  /**
   * What makes the same state again when it is put into an empty one in this order: before a refused
   * resource comes the last good version that serves in its place.
   */
  *received(): Generator<ReceivedResource> {
    for (const { held } of this.#parts.types.values()) {
      for (const { received, usable } of held.values()) {
        if (usable !== undefined && usable.resource !== received) yield usable.resource;
        yield received;
      }
    }
  }

  edit(): ResourceStateEditor {
    return new ResourceStateEditor(this.#parts);
  }
}

/** What a node holds once it has received and checked a resource of which it held `before`. */
function successor(
  before: HeldResource | undefined,
  { resource, entry, refusal }: CheckedResource,
): HeldResource {
  // The body that is withheld is here: it says more than the envelope alone, such as why it was refused.
  if (resource.withheld && before?.received.version === resource.version) {
    return { ...before, announced: true };
  }
  const lastGood = failsClosed(resource.type) ? undefined : before?.usable;
  return {
    received: resource,
    refusal,
    usable: entry === undefined ? lastGood : { resource, entry },
    announced: true,
  };
}

/** A state in the making: resources are put and removed one by one, and nobody sees it before `finish`. */
export class ResourceStateEditor {
  readonly #types = new Map<
    string,
    { readonly held: PersistentMapEditor<HeldResource>; readonly digest: ResourceDigest }
  >();
  readonly #original: StateParts;
  readonly #refused: PersistentMapEditor<HeldResource>;
  readonly #tables: SnapshotTablesEditor;

  constructor(original: StateParts) {
    this.#original = original;
    this.#refused = original.refused.edit();
    this.#tables = original.tables.edit();
  }

  /** Adds or replaces; returns what the node now holds. */
  put(checked: CheckedResource): HeldResource {
    const { type, name, version } = checked.resource;
    const { held, digest } = this.#type(type);
    const before = held.get(name);
    const now = successor(before, checked);
    if (before !== undefined) this.#takeOut(before, digest);
    held.set(name, now);
    digest.add(name, version);
    this.#tables.add(now);
    if (now.refusal !== undefined) this.#refused.set(resourceKey(type, name), now);
    return now;
  }

  remove(type: string, name: string): void {
    const { held, digest } = this.#type(type);
    const before = held.get(name);
    if (before === undefined) return;
    this.#takeOut(before, digest);
    held.delete(name);
  }

  /**
   * Leaves what can't be used out of digests and version lists, so that the control plane offers it to
   * this build again. Until then it goes on failing closed.
   */
  withdrawRefused(): void {
    for (const before of [...this.#refused.values()]) {
      const { type, name, version } = before.received;
      if (!before.announced) continue;
      const { held, digest } = this.#type(type);
      const now = { ...before, announced: false };
      digest.remove(name, version);
      held.set(name, now);
      this.#refused.set(resourceKey(type, name), now);
    }
  }

  /** Removes what was withdrawn and then not offered again: it no longer exists. */
  removeWithdrawn(): void {
    for (const { announced, received } of [...this.#refused.values()]) {
      if (!announced) this.remove(received.type, received.name);
    }
  }

  /** Removes all but the named resources, which `resourceKey` names; in steps. */
  *retain(keys: ReadonlySet<string>): Generator<void, void> {
    const known = new Set([...this.#original.types.keys(), ...this.#types.keys()]);
    for (const type of known) {
      for (const { received } of this.#type(type).held.values()) {
        if (!keys.has(resourceKey(type, received.name))) this.remove(type, received.name);
        yield;
      }
    }
  }

  finish(epoch: string, revision: number): ResourceState {
    return atOnce(this.finishing(epoch, revision));
  }

  /** The same in steps. */
  *finishing(epoch: string, revision: number): Generator<void, ResourceState> {
    const types = new Map(this.#original.types);
    for (const [type, { held, digest }] of this.#types) {
      types.set(type, { held: held.finish(), digest });
      yield;
    }
    const tables = yield* this.#tables.finishing();
    return new ResourceState({ epoch, revision, types, refused: this.#refused.finish(), tables });
  }

  #takeOut(before: HeldResource, digest: ResourceDigest): void {
    const { type, name, version } = before.received;
    if (before.announced) digest.remove(name, version);
    if (before.refusal !== undefined) this.#refused.delete(resourceKey(type, name));
    this.#tables.remove(before);
  }

  #type(type: string): { held: PersistentMapEditor<HeldResource>; digest: ResourceDigest } {
    const existing = this.#types.get(type);
    if (existing !== undefined) return existing;
    const original = this.#original.types.get(type);
    const editor = {
      held: (original?.held ?? PersistentMap.empty<HeldResource>()).edit(),
      digest: original?.digest.clone() ?? new ResourceDigest(),
    };
    this.#types.set(type, editor);
    return editor;
  }
}
