/**
 * Bounds on access tokens that both planes rely on: a revocation is forgotten once whatever it covers has
 * expired by itself, so that a node must not accept a token that lives longer than a revocation stands.
 */
export const accessTokenBounds = {
  /** From `iat` to `exp`; both must be there. */
  lifetimeMsMax: 24 * 60 * 60 * 1000,
  /** How far an issuer's clock may be off, for `exp`, `nbf` and `iat` alike. */
  clockSkewMsMax: 60 * 1000,
} as const;
