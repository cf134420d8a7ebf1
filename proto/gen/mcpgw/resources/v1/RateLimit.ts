// Generated from proto/ by `npm run generate`; edit the .proto file.

/**
 * A limit on calls. A node that can't use one denies what its scope targets.
 */
export interface RateLimitInput {
  'id'?: (string);
  'organizationId'?: (string);
  'name'?: (string);
}

/**
 * A limit on calls. A node that can't use one denies what its scope targets.
 */
export interface RateLimit {
  'id': (string);
  'organizationId': (string);
  'name': (string);
}
