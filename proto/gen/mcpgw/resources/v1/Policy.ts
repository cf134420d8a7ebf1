// Generated from proto/ by `npm run generate`; edit the .proto file.

/**
 * Rules about calls. A node that can't use one denies what its scope targets.
 */
export interface PolicyInput {
  'id'?: (string);
  'organizationId'?: (string);
  'name'?: (string);
  /**
   * CEL source.
   */
  'condition'?: (string);
}

/**
 * Rules about calls. A node that can't use one denies what its scope targets.
 */
export interface Policy {
  'id': (string);
  'organizationId': (string);
  'name': (string);
  /**
   * CEL source.
   */
  'condition': (string);
}
