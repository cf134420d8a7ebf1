/** What a revocation ends. */
export type RevokedTokens =
  | { readonly kind: 'subject'; readonly subject: string; readonly issuedBeforeMs: number }
  | { readonly kind: 'token'; readonly tokenId: string }
  | { readonly kind: 'session'; readonly sessionId: string };

/** Access tokens of an organization that end before they expire. */
export interface RevocationEntry {
  readonly id: string;
  readonly organizationId: string;
  readonly tokens: RevokedTokens;
  /** From then on everything that it covers has expired by itself. */
  readonly expiresAtMs: number;
}

/** What an access token says of itself, as far as revocations go by it. */
export interface RevocableToken {
  readonly organizationId: string;
  readonly subject: string;
  readonly issuedAtMs: number;
  readonly tokenId: string | undefined;
  readonly sessionId: string | undefined;
}
