import { ApiError } from '../errors.ts';

/** A stream of events for one subscriber. */
export interface FollowOptions<T> {
  /** Calls `wake` when there may be something to read, until the returned function is called. */
  readonly onWake: (wake: () => void) => () => void;
  /** Everything new since the last call; nothing: wait for the next wake. */
  readonly read: () => Promise<readonly T[]>;
  /** Throws when the subscriber may no longer read. Asked before a read, at most each `recheckMs`. */
  readonly authorize: () => Promise<void>;
  readonly recheckMs: number;
  /** When the subscriber's token ends. */
  readonly expiresAtMs: number;
  /** Longest that a subscriber may take over what one read found. */
  readonly stallMsMax: number;
  readonly now: () => number;
}

/** Timers hold at most 2^31 - 1 ms. */
const timerMsMax = 2_147_483_647;

/**
 * Events as an iterator that reads when it is asked: what is not taken yet waits in the database, and
 * wakes that come meanwhile count as one. It ends with TOKEN_EXPIRED when the token does, and with
 * SUBSCRIPTION_LAGGED when the subscriber is too slow. `return()` ends it also while it waits.
 */
export function follow<T>(options: FollowOptions<T>): AsyncGenerator<T, void, void> {
  let pending = true;
  let closed = false;
  let resume: (() => void) | undefined;
  const wake = () => {
    pending = true;
    resume?.();
  };
  const stopWaking = options.onWake(wake);

  function isOver(): boolean {
    if (closed) return true;
    if (options.now() < options.expiresAtMs) return false;
    throw new ApiError('TOKEN_EXPIRED');
  }

  async function untilWoken(): Promise<void> {
    const restMs = Math.min(Math.max(options.expiresAtMs - options.now(), 0), timerMsMax);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, restMs);
      resume = () => {
        clearTimeout(timer);
        resolve();
      };
      if (pending || closed) resume();
    });
    resume = undefined;
  }

  async function* events(): AsyncGenerator<T, void, void> {
    let authorizedAtMs = options.now();
    try {
      while (!isOver()) {
        if (!pending) {
          await untilWoken();
          continue;
        }
        pending = false;
        if (options.now() - authorizedAtMs >= options.recheckMs) {
          await options.authorize();
          authorizedAtMs = options.now();
        }
        const readAtMs = options.now();
        for (const item of await options.read()) {
          if (isOver()) return;
          if (options.now() - readAtMs > options.stallMsMax) {
            throw new ApiError('SUBSCRIPTION_LAGGED');
          }
          yield item;
        }
      }
    } finally {
      stopWaking();
    }
  }

  const inner = events();
  const end = () => {
    closed = true;
    stopWaking();
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
