// Generated from proto/ by `npm run generate`; edit the .proto file.

/**
 * Subjects or credentials whose use ends before they expire by themselves.
 */
export interface RevocationInput {
  'id'?: (string);
  'organizationId'?: (string);
  /**
   * Stable subject, such as `user:<id>`; empty when `credential_id` is set.
   */
  'subject'?: (string);
  'credentialId'?: (string);
}

/**
 * Subjects or credentials whose use ends before they expire by themselves.
 */
export interface Revocation {
  'id': (string);
  'organizationId': (string);
  /**
   * Stable subject, such as `user:<id>`; empty when `credential_id` is set.
   */
  'subject': (string);
  'credentialId': (string);
}
