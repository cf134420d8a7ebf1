export interface BackoffOptions {
  /** Bound of the first wait, in milliseconds; each further one is doubled. */
  readonly firstMs: number;
  readonly maxMs: number;
  /** Uniform in [0, 1): without it, all nodes would come back at the same moment. */
  readonly random: () => number;
}

/** Waits between attempts: each between half and the whole of a bound that doubles. */
export class Backoff {
  readonly #options: BackoffOptions;
  #boundMs: number;

  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#boundMs = options.firstMs;
  }

  nextMs(): number {
    const boundMs = this.#boundMs;
    this.#boundMs = Math.min(boundMs * 2, this.#options.maxMs);
    return boundMs * (0.5 + this.#options.random() / 2);
  }

  reset(): void {
    this.#boundMs = this.#options.firstMs;
  }
}
