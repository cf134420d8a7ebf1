// Generated from proto/ by `npm run generate`; edit the .proto file.
export const PolicyEffect = {
  POLICY_EFFECT_UNSPECIFIED: 'POLICY_EFFECT_UNSPECIFIED',
  POLICY_EFFECT_ALLOW: 'POLICY_EFFECT_ALLOW',
  POLICY_EFFECT_DENY: 'POLICY_EFFECT_DENY',
} as const;

export type PolicyEffectInput =
  | 'POLICY_EFFECT_UNSPECIFIED'
  | 0
  | 'POLICY_EFFECT_ALLOW'
  | 1
  | 'POLICY_EFFECT_DENY'
  | 2

export type PolicyEffect = typeof PolicyEffect[keyof typeof PolicyEffect]
