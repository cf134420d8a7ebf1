// Generated from proto/ by `npm run generate`; edit the .proto file.
export const Hint = {
  HINT_UNSPECIFIED: 'HINT_UNSPECIFIED',
  HINT_NO: 'HINT_NO',
  HINT_YES: 'HINT_YES',
} as const;

export type HintInput =
  | 'HINT_UNSPECIFIED'
  | 0
  | 'HINT_NO'
  | 1
  | 'HINT_YES'
  | 2

export type Hint = typeof Hint[keyof typeof Hint]
