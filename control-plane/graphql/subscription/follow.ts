import { ApiError } from '../errors.ts';

/** A stream of events for one subscriber. */
export interface FollowOptions<T> {
  /** Calls `wake` when there may be something to read, until the returned function is called. */
  readonly onWake: (wake: () => void) => () => void;
  /** Everything new since the last call; nothing: wait for the next wake. */
  readonly read: () => Promise<readonly T[]>;
  /**
   * Throws when the subscriber may no longer read. Asked at the beginning, when something may have changed,
   * and besides before a read when the last answer is older than `recheckMs`.
   */
  readonly authorize: () => Promise<void>;
  readonly recheckMs: number;
  /** The same while nothing is to be read, in case nobody told of a change. */
  readonly idleRecheckMs: number;
  /** Calls `recheck` when what the subscriber may do may have changed, until the returned function is called. */
  readonly onRecheck: (recheck: () => void) => () => void;
  /** When the subscriber's credential ends; `authorize` may learn that it does so earlier or later. */
  readonly expiresAtMs: () => number;
  /** Longest that a subscriber may take over what one read found. */
  readonly stallMsMax: number;
  readonly now: () => number;
}

/** Timers hold at most 2^31 - 1 ms. */
const timerMsMax = 2_147_483_647;

/**
 * Events as an iterator that reads when it is asked: what is not taken yet waits in the database, and
 * wakes that come meanwhile count as one. It ends with TOKEN_EXPIRED when the token does, with what
 * `authorize` throws as soon as the subscriber may no longer read, and with SUBSCRIPTION_LAGGED when the
 * subscriber is too slow. `return()` ends it also while it waits.
 */
export function follow<T>(options: FollowOptions<T>): AsyncGenerator<T, void, void> {
  let pending = true;
  let closed = false;
  // Between the check that let the subscriber in and now something may have changed.
  let doubtful = true;
  let resume: (() => void) | undefined;
  const wake = () => {
    pending = true;
    resume?.();
  };
  const stopWaking = options.onWake(wake);
  const stopRechecking = options.onRecheck(() => {
    doubtful = true;
    resume?.();
  });
  const letGo = () => {
    stopWaking();
    stopRechecking();
  };

  function isOver(): boolean {
    if (closed) return true;
    if (options.now() < options.expiresAtMs()) return false;
    throw new ApiError('TOKEN_EXPIRED');
  }

  async function untilWoken(): Promise<void> {
    const restMs = Math.max(options.expiresAtMs() - options.now(), 0);
    const waitMs = Math.min(restMs, options.idleRecheckMs, timerMsMax);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      resume = () => {
        clearTimeout(timer);
        resolve();
      };
      if (pending || closed || doubtful) resume();
    });
    resume = undefined;
  }

  let authorizedAtMs = options.now();
  async function authorized(oldestMs: number): Promise<void> {
    if (!doubtful && options.now() - authorizedAtMs < oldestMs) return;
    // First: what changes while the question is answered asks again.
    doubtful = false;
    const askedAtMs = options.now();
    await options.authorize();
    authorizedAtMs = askedAtMs;
  }

  async function* events(): AsyncGenerator<T, void, void> {
    try {
      while (!isOver()) {
        if (!pending) {
          await authorized(options.idleRecheckMs);
          await untilWoken();
          continue;
        }
        pending = false;
        await authorized(options.recheckMs);
        const readAtMs = options.now();
        for (const item of await options.read()) {
          // A client that takes its time gets nothing of what it may no longer read.
          await authorized(options.idleRecheckMs);
          if (isOver()) return;
          if (options.now() - readAtMs > options.stallMsMax) {
            throw new ApiError('SUBSCRIPTION_LAGGED');
          }
          yield item;
        }
      }
    } finally {
      letGo();
    }
  }

  const inner = events();
  const end = () => {
    closed = true;
    letGo();
    resume?.();
  };
  return {
    next: () => inner.next(),
    return: (value) => {
      end();
      return inner.return(value);
    },
    throw: (error) => {
      end();
      return inner.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await this.return();
    },
  };
}
