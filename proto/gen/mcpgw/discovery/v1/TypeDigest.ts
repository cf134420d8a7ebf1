// Generated from proto/ by `npm run generate`; edit the .proto file.

/**
 * Digest of the set of (name, version) pairs of one type: the sum modulo 2^256 of
 * SHA-256(name NUL version), big-endian, which can be kept up to date resource by resource.
 */
export interface TypeDigestInput {
  'type'?: (string);
  'digest'?: (Buffer | Uint8Array | string);
  'count'?: (number);
}

/**
 * Digest of the set of (name, version) pairs of one type: the sum modulo 2^256 of
 * SHA-256(name NUL version), big-endian, which can be kept up to date resource by resource.
 */
export interface TypeDigest {
  'type': (string);
  'digest': (Buffer);
  'count': (number);
}
