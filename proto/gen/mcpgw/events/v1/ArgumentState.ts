// Generated from proto/ by `npm run generate`; edit the .proto file.
export const ArgumentState = {
  ARGUMENT_STATE_UNSPECIFIED: 'ARGUMENT_STATE_UNSPECIFIED',
  /**
   * The method has none.
   */
  ARGUMENT_STATE_NONE: 'ARGUMENT_STATE_NONE',
  /**
   * The organization's setting keeps none.
   */
  ARGUMENT_STATE_OFF: 'ARGUMENT_STATE_OFF',
  ARGUMENT_STATE_REDACTED: 'ARGUMENT_STATE_REDACTED',
  ARGUMENT_STATE_FULL: 'ARGUMENT_STATE_FULL',
  ARGUMENT_STATE_TOO_LARGE: 'ARGUMENT_STATE_TOO_LARGE',
} as const;

export type ArgumentStateInput =
  | 'ARGUMENT_STATE_UNSPECIFIED'
  | 0
  /**
   * The method has none.
   */
  | 'ARGUMENT_STATE_NONE'
  | 1
  /**
   * The organization's setting keeps none.
   */
  | 'ARGUMENT_STATE_OFF'
  | 2
  | 'ARGUMENT_STATE_REDACTED'
  | 3
  | 'ARGUMENT_STATE_FULL'
  | 4
  | 'ARGUMENT_STATE_TOO_LARGE'
  | 5

export type ArgumentState = typeof ArgumentState[keyof typeof ArgumentState]
