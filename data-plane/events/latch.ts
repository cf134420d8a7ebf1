/** Something to wait for that isn't missed when it happens before the wait. One waiter at a time. */
export class Latch {
  #isSet = false;
  #wake: (() => void) | undefined;

  set(): void {
    this.#isSet = true;
    this.#wake?.();
  }

  /** Resolves when it is set, at once when it has been since the last wait. */
  async wait(): Promise<void> {
    if (!this.#isSet) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
      this.#wake = undefined;
    }
    this.#isSet = false;
  }
}
