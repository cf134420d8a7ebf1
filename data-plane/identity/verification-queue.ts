/** Signature checks at the same time, and how many more may wait: whoever sends garbage costs no more. */
export interface VerificationBounds {
  readonly runningMax: number;
  readonly waitingMax: number;
}

/** Runs tasks in the order in which they came, a bounded number at a time. */
export class VerificationQueue {
  readonly #bounds: VerificationBounds;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(bounds: VerificationBounds) {
    this.#bounds = bounds;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get hasRoom(): boolean {
    return (
      this.#running < this.#bounds.runningMax || this.#waiting.length < this.#bounds.waitingMax
    );
  }

  async run<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.#bounds.runningMax) this.#running += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      // The place goes on to who waits longest, without being free in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
