// Generated from proto/ by `npm run generate`; edit the .proto file.
export const ScopeMode = {
  SCOPE_MODE_UNSPECIFIED: 'SCOPE_MODE_UNSPECIFIED',
  /**
   * A token does what its `mcp:` scopes say, and nothing without them.
   */
  SCOPE_MODE_REQUIRED: 'SCOPE_MODE_REQUIRED',
  /**
   * A token does what its role allows; its scopes are not read.
   */
  SCOPE_MODE_ROLE: 'SCOPE_MODE_ROLE',
} as const;

export type ScopeModeInput =
  | 'SCOPE_MODE_UNSPECIFIED'
  | 0
  /**
   * A token does what its `mcp:` scopes say, and nothing without them.
   */
  | 'SCOPE_MODE_REQUIRED'
  | 1
  /**
   * A token does what its role allows; its scopes are not read.
   */
  | 'SCOPE_MODE_ROLE'
  | 2

export type ScopeMode = typeof ScopeMode[keyof typeof ScopeMode]
