// Generated from proto/ by `npm run generate`; edit the .proto file.
export const PolicyMode = {
  POLICY_MODE_UNSPECIFIED: 'POLICY_MODE_UNSPECIFIED',
  POLICY_MODE_ENFORCE: 'POLICY_MODE_ENFORCE',
  /**
   * Decides nothing; what it would have decided is recorded.
   */
  POLICY_MODE_SHADOW: 'POLICY_MODE_SHADOW',
} as const;

export type PolicyModeInput =
  | 'POLICY_MODE_UNSPECIFIED'
  | 0
  | 'POLICY_MODE_ENFORCE'
  | 1
  /**
   * Decides nothing; what it would have decided is recorded.
   */
  | 'POLICY_MODE_SHADOW'
  | 2

export type PolicyMode = typeof PolicyMode[keyof typeof PolicyMode]
