import { expect, test } from '@jest/globals';
import { ageOf, witness } from '../../../data-plane/discovery/witnessed-time.ts';

const hour = 3_600_000;

function clock(wallMs: number, uptimeMs: number, bootId = 'boot-1') {
  return { nowMs: () => wallMs, uptimeMs: () => uptimeMs, bootId };
}

const seen = witness(clock(100 * hour, 10 * hour), hour);

test.each([
  ['the clocks went on together', clock(102 * hour, 12 * hour), 3 * hour],
  ['the wall clock was set back', clock(50 * hour, 12 * hour), 3 * hour],
  ['the wall clock was set ahead', clock(150 * hour, 12 * hour), 51 * hour],
  ['the uptime went back, which it can’t', clock(102 * hour, 1), undefined],
  ['the machine booted anew', clock(105 * hour, hour, 'boot-2'), 6 * hour],
  [
    'it booted long ago, by a wall clock set back',
    clock(99.5 * hour, 20 * hour, 'boot-2'),
    20 * hour,
  ],
  [
    'it booted, and its wall clock stands before the moment',
    clock(50 * hour, 1, 'boot-2'),
    undefined,
  ],
  ['no boot has a name', clock(102 * hour, 12 * hour, ''), 12 * hour],
])('a moment’s age when %s', (_, now, ageMs) => {
  expect(ageOf(seen, now)).toBe(ageMs);
});
