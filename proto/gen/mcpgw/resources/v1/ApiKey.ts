// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { Long } from '@grpc/proto-loader';

/**
 * A credential of an agent. Its name in the stream is its key id, which is public.
 */
export interface ApiKeyInput {
  'keyId'?: (string);
  'organizationId'?: (string);
  /**
   * SHA-256 of the whole key.
   */
  'secretHash'?: (Buffer | Uint8Array | string);
  /**
   * Stable subject of whoever the key acts for, such as `user:<id>` or `service:<id>`.
   */
  'subject'?: (string);
  'roles'?: (string)[];
  'scopes'?: (string)[];
  /**
   * Milliseconds since the Unix epoch; 0: never expires.
   */
  'expiresAtMs'?: (number | string | Long);
  /**
   * Shown in records; not secret.
   */
  'label'?: (string);
}

/**
 * A credential of an agent. Its name in the stream is its key id, which is public.
 */
export interface ApiKey {
  'keyId': (string);
  'organizationId': (string);
  /**
   * SHA-256 of the whole key.
   */
  'secretHash': (Buffer);
  /**
   * Stable subject of whoever the key acts for, such as `user:<id>` or `service:<id>`.
   */
  'subject': (string);
  'roles': (string)[];
  'scopes': (string)[];
  /**
   * Milliseconds since the Unix epoch; 0: never expires.
   */
  'expiresAtMs': (number);
  /**
   * Shown in records; not secret.
   */
  'label': (string);
}
