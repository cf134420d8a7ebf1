interface Waiting<T> {
  readonly matches: (item: T) => boolean;
  readonly resolve: (item: T) => void;
}

/** What a client received, in order, and a way to wait for an item instead of sleeping. */
export class Inbox<T> {
  readonly #items: T[] = [];
  readonly #waiting = new Set<Waiting<T>>();

  get items(): readonly T[] {
    return this.#items;
  }

  push(item: T): void {
    this.#items.push(item);
    for (const waiting of this.#waiting) {
      if (!waiting.matches(item)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(item);
    }
  }

  /** The first item that matches, had or to come; rejects after `timeoutMs` with what came instead. */
  async find(matches: (item: T) => boolean, timeoutMs = 5_000): Promise<T> {
    const had = this.#items.find(matches);
    if (had !== undefined) return had;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const waiting = { matches, resolve };
    this.#waiting.add(waiting);
    const timer = setTimeout(() => {
      this.#waiting.delete(waiting);
      reject(new Error(`Nothing matched in ${timeoutMs} ms: ${JSON.stringify(this.#items)}`));
    }, timeoutMs);
    return promise.finally(() => clearTimeout(timer));
  }
}
