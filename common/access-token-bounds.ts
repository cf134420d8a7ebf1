/**
 * Bounds on access tokens that both planes rely on: a revocation is forgotten once whatever it covers has
 * expired by itself, so that a node must not accept a token that lives longer than a revocation stands.
 */
export const accessTokenBounds = {
  /** From `iat` to `exp`; both must be there. */
  lifetimeMsMax: 24 * 60 * 60 * 1000,
  /** How far a node's operator may allow an issuer's clock to be ahead of the node's. */
  clockSkewMsMax: 5 * 60 * 1000,
} as const;
