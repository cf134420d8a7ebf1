import type { IssuerEntry, TokenKey } from '../snapshot/issuer.ts';
import type { TokenText } from './token-text.ts';

/** Who makes a call, whatever credential proves it. */
export interface Principal {
  readonly organizationId: string;
  /** Stable, such as `user:<id>`: sessions and limits key on it, never on a credential's text. */
  readonly subject: string;
  readonly roles: readonly string[];
  /** What the credential is narrowed to (`common/scope.ts`); none: nothing. */
  readonly scopes: readonly string[];
  /** Public id of the credential, for records. */
  readonly credentialId: string;
  /** What an access token says of itself; undefined: the credential is an API key. */
  readonly token: AccessTokenFacts | undefined;
}

/** What revocations go by, and until when a token is good at all. Milliseconds since the Unix epoch. */
export interface AccessTokenFacts {
  /** `iat`. */
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** `jti`. */
  readonly tokenId: string | undefined;
  /** `sid` of the gateway's own tokens. */
  readonly sessionId: string | undefined;
  /** What the rest rests on: asked again when the snapshot changes under an open stream. */
  readonly proof: TokenProof;
}

/** A token, and with which key of which issuer it was verified. */
export interface TokenProof {
  readonly token: TokenText;
  readonly issuer: IssuerEntry;
  readonly key: TokenKey;
}
