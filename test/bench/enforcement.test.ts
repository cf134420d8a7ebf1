import { describe, expect, test } from '@jest/globals';
import { type EnforcementSubject, enforcementDelayMs, runEnforcement } from './enforcement.ts';

const plan = {
  samples: 3,
  callers: 2,
  callIntervalMs: 1,
  settledCalls: 5,
  sampleTimeoutMs: 2_000,
};

/** A subject that obeys `delayMs` after the mutation's response. */
function subjectObeyingAfter(delayMs: number): EnforcementSubject {
  let allowed = true;
  const decide = (value: boolean) => {
    if (delayMs === 0) allowed = value;
    else setTimeout(() => (allowed = value), delayMs);
  };
  return {
    call: () => new Promise((resolve) => setImmediate(() => resolve(allowed))),
    forbid: async () => decide(false),
    permit: async () => decide(true),
  };
}

describe('the delay of a change', () => {
  test('counts from the response to the first call after the last disobedient one', () => {
    const calls = [
      { startedAt: 1, allowed: true },
      { startedAt: 12, allowed: false },
      { startedAt: 13, allowed: true },
      { startedAt: 15, allowed: false },
    ];
    expect(enforcementDelayMs(calls, 10)).toBe(5);
  });

  test('is none when the change held before the response came', () => {
    expect(enforcementDelayMs([{ startedAt: 4, allowed: false }], 10)).toBe(0);
  });

  test('is an error when nothing obeyed', () => {
    expect(() => enforcementDelayMs([{ startedAt: 4, allowed: true }], 10)).toThrow(/No call/);
  });
});

describe('the enforcement bench', () => {
  test('sees a change that holds late', async () => {
    const figures = await runEnforcement(subjectObeyingAfter(40), plan);
    expect(figures.p50Ms).toBeGreaterThan(30);
    expect(figures.samples).toBe(3);
  });

  test('sees a change that holds at once', async () => {
    expect((await runEnforcement(subjectObeyingAfter(0), plan)).p50Ms).toBeLessThan(20);
  });

  test('fails when a change never holds', async () => {
    const subject = { ...subjectObeyingAfter(0), forbid: async () => undefined };
    const hasty = { ...plan, sampleTimeoutMs: 100 };
    await expect(runEnforcement(subject, hasty)).rejects.toThrow(/not refused in 100 ms/);
  });
});
