// Generated from proto/ by `npm run generate`; edit the .proto file.
export const Era = {
  ERA_UNSPECIFIED: 'ERA_UNSPECIFIED',
  ERA_LEGACY: 'ERA_LEGACY',
  ERA_MODERN: 'ERA_MODERN',
  ERA_DUAL: 'ERA_DUAL',
} as const;

export type EraInput =
  | 'ERA_UNSPECIFIED'
  | 0
  | 'ERA_LEGACY'
  | 1
  | 'ERA_MODERN'
  | 2
  | 'ERA_DUAL'
  | 3

export type Era = typeof Era[keyof typeof Era]
