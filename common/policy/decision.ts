import type { Policy } from './policy.ts';

/** What became of a call, and why. */
export interface Decision {
  readonly allowed: boolean;
  /**
   * - `policy`: the one in `policy` decided
   * - `default`: none did, so the organization's default counts
   * - `evaluation_failed`: the condition of `policy` can't be evaluated on this call, which denies it
   * - `implicit`: nothing is asked about it, or it is a list, which only a policy that names it denies
   */
  readonly cause: 'policy' | 'default' | 'evaluation_failed' | 'implicit';
  readonly policy: Policy | undefined;
  /** Why the condition could not be evaluated, at most 300 characters; holds no argument's value. */
  readonly error: string | undefined;
  /**
   * The call is allowed as far as can be told without its arguments: a condition reads them, and they are not
   * known.
   */
  readonly argumentsMissing: boolean;
  /** What policies in shadow mode would have decided otherwise, in the organization's order; at most 8. */
  readonly shadow: readonly ShadowDecision[];
}

export interface ShadowDecision {
  readonly policy: Policy;
  /** `would_fail`: its condition can't be evaluated on this call; enforced, it would deny. */
  readonly outcome: 'would_deny' | 'would_allow' | 'would_fail';
}

/** Most shadow decisions that a decision carries. */
export const shadowDecisionsMax = 8;
