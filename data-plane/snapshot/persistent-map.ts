const shardCount = 1024;

/** FNV-1a over UTF-16 units: keys come from the control plane, so that nobody chooses them to collide. */
function shardOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) & (shardCount - 1);
}

type Shards<V> = readonly ReadonlyMap<string, V>[];

/**
 * An immutable map whose edits share with the original all that they don't touch: a change costs the
 * copy of one shard in 1,024, whatever the map's size, and a look-up costs one hash more than a Map's.
 */
export class PersistentMap<V> {
  readonly size: number;
  readonly #shards: Shards<V>;

  constructor(shards: Shards<V>, size: number) {
    this.#shards = shards;
    this.size = size;
  }

  static empty<V>(): PersistentMap<V> {
    const shard: ReadonlyMap<string, V> = new Map();
    return new PersistentMap(
      Array.from({ length: shardCount }, () => shard),
      0,
    );
  }

  get(key: string): V | undefined {
    return this.#shards[shardOf(key)]?.get(key);
  }

  /** Values in an order that is the same for the same map, and otherwise means nothing. */
  *values(): Generator<V> {
    for (const shard of this.#shards) yield* shard.values();
  }

  edit(): PersistentMapEditor<V> {
    return new PersistentMapEditor(this, this.#shards);
  }
}

/** A map being edited; of no use after `finish`. */
export class PersistentMapEditor<V> {
  readonly #original: PersistentMap<V>;
  readonly #originalShards: Shards<V>;
  readonly #copies = new Map<number, Map<string, V>>();
  #size: number;

  constructor(original: PersistentMap<V>, shards: Shards<V>) {
    this.#original = original;
    this.#originalShards = shards;
    this.#size = original.size;
  }

  get(key: string): V | undefined {
    const shard = shardOf(key);
    return (this.#copies.get(shard) ?? this.#originalShards[shard])?.get(key);
  }

  set(key: string, value: V): void {
    const shard = this.#copyOf(shardOf(key));
    if (!shard.has(key)) this.#size += 1;
    shard.set(key, value);
  }

  delete(key: string): void {
    if (this.get(key) === undefined) return;
    if (this.#copyOf(shardOf(key)).delete(key)) this.#size -= 1;
  }

  *values(): Generator<V> {
    for (const [index, shard] of this.#originalShards.entries()) {
      yield* (this.#copies.get(index) ?? shard).values();
    }
  }

  /** The edited map; the original itself when nothing changed. */
  finish(): PersistentMap<V> {
    if (this.#copies.size === 0) return this.#original;
    const shards = [...this.#originalShards];
    for (const [index, shard] of this.#copies) shards[index] = shard;
    return new PersistentMap(shards, this.#size);
  }

  #copyOf(index: number): Map<string, V> {
    const existing = this.#copies.get(index);
    if (existing !== undefined) return existing;
    const copy = new Map(this.#originalShards[index]);
    this.#copies.set(index, copy);
    return copy;
  }
}
