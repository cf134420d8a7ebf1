import { describe, expect, test } from '@jest/globals';
import { positionBetween } from '../../../control-plane/policy/policy-order.ts';

const last = 2 ** 31 - 1;

describe('a position between two neighbours', () => {
  test('leaves room on both sides of the first policy', () => {
    expect(positionBetween({ before: undefined, after: undefined })).toBe(2 ** 30);
  });

  test.each([
    [{ before: 100_000, after: undefined }, 165_536],
    [{ before: undefined, after: 100_000 }, 34_464],
    [{ before: undefined, after: 10 }, 0],
    [{ before: last - 5, after: undefined }, last],
    [{ before: 10, after: 20 }, 15],
    [{ before: 10, after: 12 }, 11],
  ])('of %j is %j', (neighbours, position) => {
    expect(positionBetween(neighbours)).toBe(position);
  });

  test.each([
    [{ before: 10, after: 11 }],
    [{ before: undefined, after: 0 }],
    [{ before: last, after: undefined }],
  ])('is none where there is no room: %j', (neighbours) => {
    expect(positionBetween(neighbours)).toBeUndefined();
  });
});
