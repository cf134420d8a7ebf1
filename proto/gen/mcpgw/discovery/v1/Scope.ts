// Generated from proto/ by `npm run generate`; edit the .proto file.

export interface ScopeInput {
  'organizationId'?: (string);
  /**
   * Empty: the whole organization.
   */
  'serverIds'?: (string)[];
}

export interface Scope {
  'organizationId': (string);
  /**
   * Empty: the whole organization.
   */
  'serverIds': (string)[];
}
