import { PersistentMap, type PersistentMapEditor } from './persistent-map.ts';

/** One entry that claims a name in a path. */
export interface Claim<Entry> {
  readonly id: string;
  readonly entry: Entry;
  /** The last good of a resource whose newer version was refused: it gives way to a current one. */
  readonly lastGood: boolean;
}

type Claims<Entry> = readonly Claim<Entry>[];

function before<Entry>(left: Claim<Entry>, right: Claim<Entry>): number {
  if (left.lastGood !== right.lastGood) return left.lastGood ? 1 : -1;
  return left.id < right.id ? -1 : 1;
}

/**
 * Entries by slug. The control plane keeps slugs unique, but a last good entry may hold one that has
 * since been given to another: all claims are kept in a fixed order, so that what a slug means depends
 * on the state alone and not on the way that led to it.
 */
export class ClaimIndex<Entry> {
  readonly #claims: PersistentMap<Claims<Entry>>;

  constructor(claims: PersistentMap<Claims<Entry>> = PersistentMap.empty()) {
    this.#claims = claims;
  }

  get(slug: string): Entry | undefined {
    return this.#claims.get(slug)?.[0]?.entry;
  }

  edit(): ClaimIndexEditor<Entry> {
    return new ClaimIndexEditor(this.#claims.edit());
  }
}

export class ClaimIndexEditor<Entry> {
  readonly #claims: PersistentMapEditor<Claims<Entry>>;

  constructor(claims: PersistentMapEditor<Claims<Entry>>) {
    this.#claims = claims;
  }

  add(slug: string, claim: Claim<Entry>): void {
    const others = this.#others(slug, claim.id);
    this.#claims.set(slug, [...others, claim].sort(before));
  }

  remove(slug: string, id: string): void {
    const others = this.#others(slug, id);
    if (others.length === 0) this.#claims.delete(slug);
    else this.#claims.set(slug, others);
  }

  finish(): ClaimIndex<Entry> {
    return new ClaimIndex(this.#claims.finish());
  }

  #others(slug: string, id: string): Claim<Entry>[] {
    return (this.#claims.get(slug) ?? []).filter((claim) => claim.id !== id);
  }
}
