export interface AttemptLimitOptions {
  /** Failures after which a key is closed until its window ends. */
  readonly failuresMax: number;
  readonly windowMs: number;
  /** Keys remembered; the oldest is forgotten first. */
  readonly keysMax: number;
  readonly now: () => number;
}

interface Window {
  failures: number;
  readonly endsAtMs: number;
}

/**
 * Counts failed attempts for each key (an account, an address) in a fixed window. It lives in this
 * replica's memory: with N replicas an attacker has N times the attempts, each still costing argon2.
 */
export interface AttemptLimit {
  /** Milliseconds until the key may try again; 0: now. */
  retryAfterMs(key: string): number;
  failed(key: string): void;
  succeeded(key: string): void;
}

export function createAttemptLimit(options: AttemptLimitOptions): AttemptLimit {
  const windows = new Map<string, Window>();

  function current(key: string): Window | undefined {
    const window = windows.get(key);
    if (window === undefined || window.endsAtMs > options.now()) return window;
    windows.delete(key);
    return undefined;
  }

  return {
    retryAfterMs(key) {
      const window = current(key);
      if (window === undefined || window.failures < options.failuresMax) return 0;
      return window.endsAtMs - options.now();
    },
    failed(key) {
      const window = current(key);
      if (window !== undefined) {
        window.failures += 1;
        return;
      }
      const oldest = windows.keys().next();
      if (windows.size >= options.keysMax && !oldest.done) windows.delete(oldest.value);
      windows.set(key, { failures: 1, endsAtMs: options.now() + options.windowMs });
    },
    succeeded: (key) => {
      windows.delete(key);
    },
  };
}
