import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type KeySchedule,
  keyPhase,
  keysMax,
  mayPublish,
  nextKeyStep,
  type RotatedKey,
} from '../../../control-plane/store/key-phases.ts';

const schedule: KeySchedule = {
  rotationIntervalMs: 1000,
  activationDelayMs: 100,
  retentionMs: 500,
};

const at = (ms: number) => new Date(ms);
const active = (since: number): RotatedKey => ({
  id: `a${since}`,
  createdAt: at(since),
  activeSince: at(since),
  retiredAt: null,
});

describe('the next step', () => {
  test('is none while the active key is young', () => {
    expect(nextKeyStep([active(0)], schedule, 999)).toBeUndefined();
    expect(nextKeyStep([active(0)], schedule, 1000)).toEqual({ kind: 'publish' });
  });

  test('is never to publish by itself when there is no interval', () => {
    const onDemand = { ...schedule, rotationIntervalMs: 0 };
    expect(nextKeyStep([active(0)], onDemand, 1e12)).toBeUndefined();
  });

  test('activates a published key once its delay is over, and publishes no second one meanwhile', () => {
    const published = { id: 'p', createdAt: at(1000), activeSince: null, retiredAt: null };
    const keys = [active(0), published];
    expect(nextKeyStep(keys, schedule, 1099)).toBeUndefined();
    expect(nextKeyStep(keys, schedule, 1100)).toEqual({ kind: 'activate', id: 'p' });
    expect(mayPublish(keys)).toBe(false);
  });

  test('drops retired keys once their retention is over', () => {
    const retired = { ...active(0), id: 'r', retiredAt: at(1000) };
    const keys = [retired, active(1000)];
    expect(nextKeyStep(keys, schedule, 1499)).toBeUndefined();
    expect(nextKeyStep(keys, schedule, 1500)).toEqual({ kind: 'drop', ids: ['r'] });
  });
});

/** One key ring over time, as jobs, operators and nodes drive it. */
class Ring {
  keys: RotatedKey[] = [active(0)];
  nowMs = 0;
  readonly #schedule: KeySchedule;
  #made = 0;

  constructor(rules: KeySchedule) {
    this.#schedule = rules;
  }

  publish(): void {
    if (!mayPublish(this.keys)) return;
    this.#made += 1;
    const id = `k${this.#made}`;
    this.keys.push({ id, createdAt: at(this.nowMs), activeSince: null, retiredAt: null });
  }

  /** Takes every step that is due. @param known whether the nodes have what is published. */
  work(known: boolean): void {
    for (;;) {
      const step = nextKeyStep(this.keys, this.#schedule, this.nowMs);
      if (step === undefined) return;
      if (step.kind === 'activate' && !known) return;
      if (step.kind === 'publish') this.publish();
      if (step.kind === 'activate') this.#activate(step.id);
      if (step.kind === 'drop') this.#drop(step.ids);
    }
  }

  #activate(id: string): void {
    this.keys = this.keys.map((key) => {
      if (key.id === id) {
        expect(this.nowMs - key.createdAt.getTime()).toBeGreaterThanOrEqual(
          this.#schedule.activationDelayMs,
        );
        return { ...key, activeSince: at(this.nowMs) };
      }
      return keyPhase(key) === 'active' ? { ...key, retiredAt: at(this.nowMs) } : key;
    });
  }

  #drop(ids: readonly string[]): void {
    for (const key of this.keys.filter(({ id }) => ids.includes(id))) {
      expect(keyPhase(key)).toBe('retired');
      const keptMs = this.nowMs - (key.retiredAt?.getTime() ?? 0);
      expect(keptMs).toBeGreaterThanOrEqual(this.#schedule.retentionMs);
    }
    this.keys = this.keys.filter(({ id }) => !ids.includes(id));
  }
}

test('whatever happens, one key is active, none is dropped early, and there are never too many', () => {
  const rules = fc.record({
    rotationIntervalMs: fc.integer({ min: 0, max: 1000 }),
    activationDelayMs: fc.integer({ min: 0, max: 300 }),
    retentionMs: fc.integer({ min: 0, max: 5000 }),
  });
  const event = fc.record({
    passedMs: fc.integer({ min: 0, max: 400 }),
    asked: fc.boolean(),
    known: fc.boolean(),
  });
  fc.assert(
    fc.property(rules, fc.array(event, { maxLength: 60 }), (given, events) => {
      const ring = new Ring(given);
      for (const { passedMs, asked, known } of events) {
        ring.nowMs += passedMs;
        if (asked) ring.publish();
        // A schedule without any time in it would turn for ever.
        if (given.rotationIntervalMs + given.activationDelayMs > 0) ring.work(known);
        const phases = ring.keys.map(keyPhase);
        expect(phases.filter((phase) => phase === 'active')).toHaveLength(1);
        expect(phases.filter((phase) => phase === 'published').length).toBeLessThanOrEqual(1);
        expect(phases.length).toBeLessThanOrEqual(keysMax);
      }
    }),
  );
});
