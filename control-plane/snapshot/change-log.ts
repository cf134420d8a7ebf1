import type { ResourceKey } from './compiled-resource.ts';

interface Entry {
  readonly toRevision: number;
  readonly keys: readonly ResourceKey[];
}

/**
 * Which resources changed between which revisions, as far back as memory allows. A node whose revision
 * it reaches gets what changed since, without anyone keeping a version map for each node.
 */
export class ChangeLog {
  readonly #keysMax: number;
  #entries: Entry[] = [];
  #keyCount = 0;
  #baseRevision: number;

  /** @param keysMax how many changed keys are kept; older revisions are forgotten beyond it. */
  constructor(baseRevision: number, keysMax: number) {
    this.#baseRevision = baseRevision;
    this.#keysMax = keysMax;
  }

  /**
   * Records what changed on the way to `toRevision`, which is past every revision recorded before.
   * What leads to the first revision is no change: nobody holds less.
   */
  append(toRevision: number, keys: Iterable<ResourceKey>): void {
    const entry = { toRevision, keys: [...keys] };
    if (entry.keys.length === 0 || toRevision <= this.#baseRevision) return;
    this.#entries.push(entry);
    this.#keyCount += entry.keys.length;
    while (this.#keyCount > this.#keysMax) {
      const oldest = this.#entries.shift();
      if (oldest === undefined) break;
      this.#keyCount -= oldest.keys.length;
      this.#baseRevision = oldest.toRevision;
    }
  }

  /**
   * Everything that changed after `revision`, perhaps more (a coalesced step counts whole); undefined
   * when the log doesn't reach back so far.
   */
  since(revision: number): Set<ResourceKey> | undefined {
    if (revision < this.#baseRevision) return undefined;
    const keys = new Set<ResourceKey>();
    for (const entry of this.#entries) {
      if (entry.toRevision <= revision) continue;
      for (const key of entry.keys) keys.add(key);
    }
    return keys;
  }
}
