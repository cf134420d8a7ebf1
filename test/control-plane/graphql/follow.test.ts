import { describe, expect, test } from '@jest/globals';
import { ApiError } from '../../../control-plane/graphql/errors.ts';
import { type FollowOptions, follow } from '../../../control-plane/graphql/subscription/follow.ts';

/** A source that a test fills and wakes. */
function source(options: Partial<FollowOptions<number>> = {}) {
  let wake = (): void => undefined;
  let recheck = (): void => undefined;
  const state = { nowMs: 0, waiting: [] as number[], stopped: false, reads: 0 };
  const events = follow<number>({
    onWake: (given) => {
      wake = given;
      return () => {
        state.stopped = true;
      };
    },
    read: async () => {
      state.reads += 1;
      return state.waiting.splice(0);
    },
    authorize: async () => undefined,
    recheckMs: 1000,
    idleRecheckMs: 60_000,
    onRecheck: (given) => {
      recheck = given;
      return () => undefined;
    },
    expiresAtMs: () => 1_000_000,
    stallMsMax: 100,
    now: () => state.nowMs,
    ...options,
  });
  const add = (...items: number[]) => {
    state.waiting.push(...items);
    wake();
  };
  return { events, state, add, recheck: () => recheck() };
}

describe('a subscriber’s events', () => {
  test('come when woken; wakes in between count once', async () => {
    const { events, state, add } = source();
    const first = events.next();
    add(1);
    add(2);
    add(3);
    expect(await first).toEqual({ done: false, value: 1 });
    expect(await events.next()).toEqual({ done: false, value: 2 });
    expect(await events.next()).toEqual({ done: false, value: 3 });
    expect(state.reads).toBeLessThanOrEqual(2);
    await events.return();
  });

  test('end at once also while nothing comes', async () => {
    const { events, state } = source();
    const waiting = events.next();
    await events.return();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(state.stopped).toBe(true);
  });

  test('that were never asked for let go of their source', async () => {
    const { events, state } = source();
    await events.return();
    expect(state.stopped).toBe(true);
  });

  test('end with a clear error for one who takes too long over them', async () => {
    const { events, state, add } = source();
    add(1, 2);
    await events.next();
    state.nowMs += 101;
    await expect(events.next()).rejects.toMatchObject({
      extensions: { code: 'SUBSCRIPTION_LAGGED' },
    });
    expect(state.stopped).toBe(true);
  });

  test('end with the token, also while nothing comes', async () => {
    const started = performance.now();
    const { events } = source({
      expiresAtMs: () => 50,
      now: () => performance.now() - started,
    });
    await expect(events.next()).rejects.toMatchObject({ extensions: { code: 'TOKEN_EXPIRED' } });
  });

  describe('end once the subscriber may no longer read', () => {
    function guarded(options: Partial<FollowOptions<number>> = {}) {
      const access = { allowed: true };
      const authorize = async () => {
        if (!access.allowed) throw new ApiError('FORBIDDEN');
      };
      return { access, ...source({ authorize, ...options }) };
    }
    const forbidden = { extensions: { code: 'FORBIDDEN' } };

    test('from the beginning: what let them in may have changed since', async () => {
      const { access, events, add } = guarded();
      access.allowed = false;
      add(1);
      await expect(events.next()).rejects.toMatchObject(forbidden);
    });

    test('at once when they are told of a change, also while nothing comes', async () => {
      const { access, events, state, add, recheck } = guarded();
      add(1);
      expect((await events.next()).value).toBe(1);
      const waiting = events.next();
      recheck();
      add(2);
      expect((await waiting).value).toBe(2);
      const last = events.next();
      access.allowed = false;
      recheck();
      await expect(last).rejects.toMatchObject(forbidden);
      expect(state.stopped).toBe(true);
    });

    test('before what was read already and not taken yet', async () => {
      const { access, events, add, recheck } = guarded();
      add(1, 2);
      expect((await events.next()).value).toBe(1);
      access.allowed = false;
      recheck();
      await expect(events.next()).rejects.toMatchObject(forbidden);
    });

    test('at the next event, when nobody told of the change', async () => {
      const { access, events, state, add } = guarded();
      add(1);
      expect((await events.next()).value).toBe(1);
      access.allowed = false;
      state.nowMs += 1000;
      add(2);
      await expect(events.next()).rejects.toMatchObject(forbidden);
    });

    test('within a bound, when nobody told of the change and nothing comes', async () => {
      const started = performance.now();
      const { access, events } = guarded({
        idleRecheckMs: 20,
        now: () => performance.now() - started,
      });
      const waiting = events.next();
      access.allowed = false;
      await expect(waiting).rejects.toMatchObject(forbidden);
    });
  });
});
