import type { Decision } from '../../common/policy/decision.ts';

/** What one set of policies, as a whole, made of a call. */
export interface DecidedCall {
  /** Of the snapshot that it is by. */
  readonly revision: number;
  /**
   * One for each message, in their order; none where nothing can deny: the organization has no policies and
   * allows by default.
   */
  readonly decisions: readonly Decision[];
  /** The first that denies. */
  readonly denied: Decision | undefined;
}
