import { setImmediate as atNextTurn } from 'node:timers';
import { expect, test } from '@jest/globals';
import { inTurns } from '../../../data-plane/snapshot/in-turns.ts';

/** Holds the event loop for a millisecond before it says that it may be interrupted. */
function* piece(): Generator<void, void> {
  const endsAt = performance.now() + 1;
  while (performance.now() < endsAt);
  yield;
}

test('work gives others their turn between pieces that are short each', async () => {
  let turns = 0;
  let isOver = false;
  const other = (): void => {
    turns += 1;
    if (!isOver) atNextTurn(other);
  };
  atNextTurn(other);
  for (let count = 0; count < 40; count += 1) await inTurns(piece());
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(5);
});
