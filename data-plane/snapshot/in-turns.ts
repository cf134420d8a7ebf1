import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long work on the configuration holds the event loop before calls get their turn, in milliseconds. */
const turnMs = 5;

/**
 * Runs work that says by `yield` where it may be interrupted, and gives calls their turn whenever it has
 * run for some milliseconds. A step should take well below one.
 */
export async function inTurns<Result>(work: Iterator<void, Result>): Promise<Result> {
  let turnEndsAt = performance.now() + turnMs;
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (performance.now() < turnEndsAt) continue;
    await nextTurn();
    turnEndsAt = performance.now() + turnMs;
  }
}

/** Runs the same work without a pause. */
export function atOnce<Result>(work: Iterator<void, Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
