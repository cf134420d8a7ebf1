import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addressBlock } from '../../../control-plane/identity/address-block.ts';
import {
  afterFailure,
  blockedForMs,
  type ThrottleState,
} from '../../../control-plane/identity/throttle-rule.ts';

const bounds = { failuresMax: 3, windowMs: 900_000, blockMsMax: 60_000 };

/** Failures, each as soon as it may be: how long each blocks. */
function blocks(count: number): number[] {
  let state: ThrottleState | undefined;
  let nowMs = 1_000_000;
  return Array.from({ length: count }, () => {
    state = afterFailure(state, bounds, nowMs);
    const blockedMs = blockedForMs(state, nowMs);
    nowMs += blockedMs;
    return blockedMs;
  });
}

describe('failures', () => {
  test('block from the bound on, each twice as long as the one before, up to the cap', () => {
    expect(blocks(12)).toEqual([
      ...[0, 0, 1000, 2000, 4000, 8000, 16_000, 32_000],
      ...[60_000, 60_000, 60_000, 60_000],
    ]);
  });

  test('are forgotten after a window without one', () => {
    const state = { failures: 50, windowEndsAtMs: 5000, blockedUntilMs: 4000 };
    expect(afterFailure(state, bounds, 5000)).toMatchObject({ failures: 1, blockedUntilMs: null });
    expect(afterFailure(state, bounds, 4999)).toMatchObject({ failures: 51 });
  });

  test('never block for longer than the cap, however many there are', () => {
    fc.assert(
      fc.property(
        fc.record({
          failures: fc.integer({ min: 1, max: 2_000_000_000 }),
          windowEndsAtMs: fc.integer({ min: 0, max: 2_000_000 }),
          blockedUntilMs: fc.option(fc.integer({ min: 0, max: 1_000_000 })),
        }),
        (state) => {
          const next = afterFailure(state, bounds, 1_000_000);
          const blockedMs = blockedForMs(next, 1_000_000);
          expect(blockedMs).toBeLessThanOrEqual(bounds.blockMsMax);
          expect(blockedMs).toBeGreaterThanOrEqual(0);
          // A block is over before what caused it is forgotten.
          expect(next.windowEndsAtMs).toBeGreaterThan(next.blockedUntilMs ?? 0);
        },
      ),
    );
  });
});

describe('the block of an address', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['unknown', 'unknown'],
    ['', ''],
  ])('%s lies in %s', (address, block) => {
    expect(addressBlock(address)).toBe(block);
  });

  test('of two IPv6 addresses is the same exactly when their first halves are', () => {
    const half = fc.array(fc.integer({ min: 1, max: 0xffff }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(half, half, half, (network, first, second) => {
        const address = (host: number[]) =>
          [...network, ...host].map((group) => group.toString(16)).join(':');
        expect(addressBlock(address(first))).toBe(addressBlock(address(second)));
        const [head = 1, ...tail] = network;
        const elsewhere = [(head % 0xffff) + 1, ...tail, ...first];
        const text = elsewhere.map((group) => group.toString(16)).join(':');
        expect(addressBlock(text)).not.toBe(addressBlock(address(first)));
      }),
    );
  });
});
