import type { MasterKey } from './master-key.ts';

/**
 * The master keys that this process knows. New values are sealed with the current one; every one opens, so
 * that a new key can be known everywhere before anything is sealed with it, and an old one until nothing is.
 */
export class MasterKeyRing {
  /** The key that seals. */
  readonly current: MasterKey;
  readonly #byId: ReadonlyMap<string, MasterKey>;

  constructor(current: MasterKey, others: readonly MasterKey[] = []) {
    this.current = current;
    this.#byId = new Map([current, ...others].map((key) => [key.id, key]));
  }

  find(id: string): MasterKey | undefined {
    return this.#byId.get(id);
  }

  /** Every key once, the current one first. */
  keys(): readonly MasterKey[] {
    return [...this.#byId.values()];
  }
}
