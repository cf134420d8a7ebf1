interface Waiter {
  readonly sequence: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Up to where a spool is on disk, and who waits for it to get further. */
export class DurableMark {
  readonly #listeners = new Set<() => void>();
  #waiters: Waiter[] = [];
  #sequence: number;

  constructor(sequence: number) {
    this.#sequence = sequence;
  }

  get sequence(): number {
    return this.#sequence;
  }

  get awaited(): boolean {
    return this.#waiters.length > 0;
  }

  /** Resolves once this sequence is on disk; rejects when syncing fails before. */
  reached(sequence: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiters.push({ sequence, resolve, reject });
    return promise;
  }

  /** Everything up to here is on disk. */
  advance(sequence: number): void {
    this.#sequence = Math.max(this.#sequence, sequence);
    const waiting = this.#waiters;
    this.#waiters = waiting.filter((waiter) => waiter.sequence > sequence);
    for (const waiter of waiting) if (waiter.sequence <= sequence) waiter.resolve();
    for (const listener of [...this.#listeners]) listener();
  }

  /** Sets the mark where nothing was written that anybody could wait for. */
  skipTo(sequence: number): void {
    this.#sequence = sequence;
  }

  fail(error: Error): void {
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) waiter.reject(error);
  }

  /** Calls `listener` whenever the mark may have moved; returns what ends that. */
  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  clearListeners(): void {
    this.#listeners.clear();
  }
}
