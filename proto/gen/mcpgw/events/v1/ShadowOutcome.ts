// Generated from proto/ by `npm run generate`; edit the .proto file.
export const ShadowOutcome = {
  SHADOW_OUTCOME_UNSPECIFIED: 'SHADOW_OUTCOME_UNSPECIFIED',
  SHADOW_OUTCOME_WOULD_DENY: 'SHADOW_OUTCOME_WOULD_DENY',
  SHADOW_OUTCOME_WOULD_ALLOW: 'SHADOW_OUTCOME_WOULD_ALLOW',
  /**
   * Its condition can't be evaluated on this call: enforced, it would deny.
   */
  SHADOW_OUTCOME_WOULD_FAIL: 'SHADOW_OUTCOME_WOULD_FAIL',
} as const;

export type ShadowOutcomeInput =
  | 'SHADOW_OUTCOME_UNSPECIFIED'
  | 0
  | 'SHADOW_OUTCOME_WOULD_DENY'
  | 1
  | 'SHADOW_OUTCOME_WOULD_ALLOW'
  | 2
  /**
   * Its condition can't be evaluated on this call: enforced, it would deny.
   */
  | 'SHADOW_OUTCOME_WOULD_FAIL'
  | 3

export type ShadowOutcome = typeof ShadowOutcome[keyof typeof ShadowOutcome]
