// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { Long } from '@grpc/proto-loader';

/**
 * What ends before it expires by itself. Exactly one of subject, token_id and session_id is set.
 */
export interface RevocationInput {
  'id'?: (string);
  'organizationId'?: (string);
  /**
   * Stable subject, such as `user:<id>`: its tokens that were issued before `issued_before_ms` are refused.
   */
  'subject'?: (string);
  /**
   * `jti` of one token.
   */
  'tokenId'?: (string);
  /**
   * `sid` of the tokens of one session.
   */
  'sessionId'?: (string);
  /**
   * Milliseconds since the Unix epoch; set with `subject` only.
   */
  'issuedBeforeMs'?: (number | string | Long);
  /**
   * From then on everything it covers has expired by itself.
   */
  'expiresAtMs'?: (number | string | Long);
}

/**
 * What ends before it expires by itself. Exactly one of subject, token_id and session_id is set.
 */
export interface Revocation {
  'id': (string);
  'organizationId': (string);
  /**
   * Stable subject, such as `user:<id>`: its tokens that were issued before `issued_before_ms` are refused.
   */
  'subject': (string);
  /**
   * `jti` of one token.
   */
  'tokenId': (string);
  /**
   * `sid` of the tokens of one session.
   */
  'sessionId': (string);
  /**
   * Milliseconds since the Unix epoch; set with `subject` only.
   */
  'issuedBeforeMs': (number);
  /**
   * From then on everything it covers has expired by itself.
   */
  'expiresAtMs': (number);
}
