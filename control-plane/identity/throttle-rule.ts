/** How failed attempts slow a key down. */
export interface ThrottleBounds {
  /** Failures in a window of which the last, and each after it, blocks. */
  readonly failuresMax: number;
  /** A key without a failure for so long starts anew. */
  readonly windowMs: number;
  /** Longest block: nobody is locked out for good by what others do. */
  readonly blockMsMax: number;
}

/** What is remembered of a key. */
export interface ThrottleState {
  readonly failures: number;
  readonly windowEndsAtMs: number;
  readonly blockedUntilMs: number | null;
}

/** The first block; each further failure doubles it. */
const blockMsMin = 1000;

/** How long a key is still blocked, in milliseconds; 0: it is not. */
export function blockedForMs(state: ThrottleState | undefined, nowMs: number): number {
  return Math.max(0, (state?.blockedUntilMs ?? 0) - nowMs);
}

/** What is to be remembered once a further attempt has failed. */
export function afterFailure(
  state: ThrottleState | undefined,
  bounds: ThrottleBounds,
  nowMs: number,
): ThrottleState {
  const { failuresMax, windowMs, blockMsMax } = bounds;
  const counts = state !== undefined && state.windowEndsAtMs > nowMs;
  const failures = (counts ? state.failures : 0) + 1;
  const excess = failures - failuresMax + 1;
  // 2^31 s is more than any cap; the exponent stays small however often somebody tries.
  const blockMs = Math.min(blockMsMin * 2 ** Math.min(excess - 1, 31), blockMsMax);
  const blockedUntilMs = excess > 0 ? nowMs + blockMs : null;
  return { failures, blockedUntilMs, windowEndsAtMs: (blockedUntilMs ?? nowMs) + windowMs };
}
