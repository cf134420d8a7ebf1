import { setImmediate as atNextTurn } from 'node:timers';
import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * How long work on the configuration holds the event loop before calls get their turn, in milliseconds. The
 * garbage collector may add some ten: what comes in is kept, which makes its work long.
 */
const turnMs = 3;

/** When the turn that is under way has to end; undefined: nothing has run in it yet. */
let turnEndsAt: number | undefined;

/** One for all work, for one piece often follows another at once: each with a turn of its own adds up. */
function turnEnd(): number {
  if (turnEndsAt === undefined) {
    turnEndsAt = performance.now() + turnMs;
    atNextTurn(() => {
      turnEndsAt = undefined;
    });
  }
  return turnEndsAt;
}

/**
 * Runs work that says by `yield` where it may be interrupted, and gives calls their turn whenever it has
 * run for some milliseconds. A step should take well below one.
 */
export async function inTurns<Result>(work: Iterator<void, Result>): Promise<Result> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (performance.now() >= turnEnd()) await nextTurn();
  }
}

/** Runs the same work without a pause. */
export function atOnce<Result>(work: Iterator<void, Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
