// Generated from proto/ by `npm run generate`; edit the .proto file.

/**
 * Digest of the set of (name, version) pairs of one type: the sum modulo 2^256 of
 * SHA-256(name NUL version), big-endian, which can be kept up to date resource by resource.
 * The set is what the control plane last sent for each name: a resource counts with its version also
 * when the node could not use it or got it withheld. A node whose build has changed since leaves those
 * out of its hello and its version lists, and so is offered them again.
 */
export interface TypeDigestInput {
  'type'?: (string);
  'digest'?: (Buffer | Uint8Array | string);
  'count'?: (number);
}

/**
 * Digest of the set of (name, version) pairs of one type: the sum modulo 2^256 of
 * SHA-256(name NUL version), big-endian, which can be kept up to date resource by resource.
 * The set is what the control plane last sent for each name: a resource counts with its version also
 * when the node could not use it or got it withheld. A node whose build has changed since leaves those
 * out of its hello and its version lists, and so is offered them again.
 */
export interface TypeDigest {
  'type': (string);
  'digest': (Buffer);
  'count': (number);
}
