// Generated from proto/ by `npm run generate`; edit the .proto file.
export const Decision = {
  DECISION_UNSPECIFIED: 'DECISION_UNSPECIFIED',
  DECISION_ALLOWED: 'DECISION_ALLOWED',
  DECISION_REFUSED: 'DECISION_REFUSED',
  /**
   * Allowed here, but no usable answer came from the upstream.
   */
  DECISION_FAILED: 'DECISION_FAILED',
} as const;

export type DecisionInput =
  | 'DECISION_UNSPECIFIED'
  | 0
  | 'DECISION_ALLOWED'
  | 1
  | 'DECISION_REFUSED'
  | 2
  /**
   * Allowed here, but no usable answer came from the upstream.
   */
  | 'DECISION_FAILED'
  | 3

export type Decision = typeof Decision[keyof typeof Decision]
