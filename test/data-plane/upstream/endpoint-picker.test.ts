import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EndpointAttempts } from '../../../data-plane/upstream/endpoint-attempts.ts';
import { EndpointPicker } from '../../../data-plane/upstream/endpoint-picker.ts';
import type { UpstreamFailure } from '../../../data-plane/upstream/upstream-transport.ts';
import { endpointEntry, serverEntry } from '../../support/upstream-entries.ts';

function serverWith(weights: readonly number[]) {
  return serverEntry(
    weights.map((weight, index) =>
      endpointEntry(new URL(`http://127.0.0.1:${index + 1}/mcp`), 'abcdefgh'[index], weight),
    ),
  );
}

const refused: UpstreamFailure = {
  reason: 'upstream_connect_failed',
  nothingSent: true,
  detail: 'refused',
};

describe('EndpointPicker', () => {
  test('spreads a heavy endpoint instead of sending bursts', () => {
    const server = serverWith([5, 1, 1]);
    const picker = new EndpointPicker();
    const order = Array.from({ length: 7 }, () => picker.pick(server)?.id).join('');
    expect(order).toBe('aabacaa');
  });

  test('gives every endpoint exactly its share of each round', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 4 }),
        (weights, rounds) => {
          const server = serverWith(weights);
          const picker = new EndpointPicker();
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          const counts = new Map<string, number>();
          for (let call = 0; call < total * rounds; call += 1) {
            const id = picker.pick(server)?.id ?? 'none';
            counts.set(id, (counts.get(id) ?? 0) + 1);
          }
          for (const [index, endpoint] of server.endpoints.entries()) {
            expect(counts.get(endpoint.id) ?? 0).toBe((weights[index] ?? 0) * rounds);
          }
          if (total === 0) expect(picker.pick(server)).toBeUndefined();
        },
      ),
    );
  });

  test('finds the endpoint of a session, also one that gets no new calls', () => {
    const server = serverWith([1, 0]);
    const picker = new EndpointPicker();
    expect(picker.find(server, 'b')?.id).toBe('b');
    expect(picker.find(server, 'z')).toBeUndefined();
  });
});

describe('EndpointAttempts', () => {
  test('goes through other endpoints while nothing was sent, up to its bound', () => {
    const attempts = new EndpointAttempts(new EndpointPicker(), serverWith([1, 1, 1]), 2);
    const first = attempts.first();
    const second = attempts.afterFailure(refused);
    expect(first?.id).toBe('a');
    expect(second?.id).toBe('b');
    expect(attempts.afterFailure(refused)).toBeUndefined();
  });

  test('never tries an endpoint twice', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 8 }),
        (weights) => {
          const attempts = new EndpointAttempts(new EndpointPicker(), serverWith(weights), 100);
          const tried: string[] = [];
          for (
            let next = attempts.first();
            next !== undefined;
            next = attempts.afterFailure(refused)
          ) {
            tried.push(next.id);
          }
          expect(new Set(tried).size).toBe(tried.length);
          expect(tried.length).toBe(weights.filter((weight) => weight > 0).length);
        },
      ),
    );
  });

  test('ends at a failure after which the request may have arrived', () => {
    const attempts = new EndpointAttempts(new EndpointPicker(), serverWith([1, 1]), 2);
    attempts.first();
    expect(attempts.afterFailure({ ...refused, nothingSent: false })).toBeUndefined();
  });
});
