import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long work on many policies or calls holds the event loop before others get their turn, in milliseconds. */
const turnMs = 5;

/** Divides long work into turns. */
export class Turns {
  #endsAt = performance.now() + turnMs;

  /** Whether others are due; steps between two questions should take well below a millisecond. */
  get over(): boolean {
    return performance.now() >= this.#endsAt;
  }

  /** Lets others have their turn. */
  async next(): Promise<void> {
    await nextTurn();
    this.#endsAt = performance.now() + turnMs;
  }
}
