// Generated from proto/ by `npm run generate`; edit the .proto file.
export const PolicyDefault = {
  POLICY_DEFAULT_UNSPECIFIED: 'POLICY_DEFAULT_UNSPECIFIED',
  POLICY_DEFAULT_ALLOW: 'POLICY_DEFAULT_ALLOW',
  POLICY_DEFAULT_DENY: 'POLICY_DEFAULT_DENY',
} as const;

export type PolicyDefaultInput =
  | 'POLICY_DEFAULT_UNSPECIFIED'
  | 0
  | 'POLICY_DEFAULT_ALLOW'
  | 1
  | 'POLICY_DEFAULT_DENY'
  | 2

export type PolicyDefault = typeof PolicyDefault[keyof typeof PolicyDefault]
