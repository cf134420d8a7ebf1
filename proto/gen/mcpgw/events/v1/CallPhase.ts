// Generated from proto/ by `npm run generate`; edit the .proto file.
export const CallPhase = {
  CALL_PHASE_UNSPECIFIED: 'CALL_PHASE_UNSPECIFIED',
  /**
   * The whole call.
   */
  CALL_PHASE_COMPLETE: 'CALL_PHASE_COMPLETE',
  /**
   * A long stream has begun; an end with the same call id follows.
   */
  CALL_PHASE_START: 'CALL_PHASE_START',
  CALL_PHASE_END: 'CALL_PHASE_END',
} as const;

export type CallPhaseInput =
  | 'CALL_PHASE_UNSPECIFIED'
  | 0
  /**
   * The whole call.
   */
  | 'CALL_PHASE_COMPLETE'
  | 1
  /**
   * A long stream has begun; an end with the same call id follows.
   */
  | 'CALL_PHASE_START'
  | 2
  | 'CALL_PHASE_END'
  | 3

export type CallPhase = typeof CallPhase[keyof typeof CallPhase]
