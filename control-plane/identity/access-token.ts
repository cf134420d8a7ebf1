import { type CryptoKey, errors, jwtVerify, SignJWT } from 'jose';

/** Key that signs, and keys that verify. */
export interface SigningKeyRing {
  current(): Promise<{ readonly kid: string; readonly privateKey: CryptoKey }>;
  /** The key that `kid` names, or undefined. */
  publicKey(kid: string): Promise<CryptoKey | undefined>;
}

export interface AccessTokenOptions {
  readonly keys: SigningKeyRing;
  /** `iss` claim: URL or name of this installation. */
  readonly issuer: string;
  /** `aud` claim: a token for the GraphQL API is refused elsewhere, and the other way round. */
  readonly audience: string;
  /** Default 15 minutes. */
  readonly lifetimeMs: number;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

export type TokenVerdict =
  | { readonly kind: 'valid'; readonly userId: string; readonly expiresAtMs: number }
  | { readonly kind: 'expired' }
  | { readonly kind: 'invalid' };

/** Short-lived access tokens of people: JWTs signed with EdDSA (RFC 8037), typed `at+jwt` (RFC 9068). */
export interface AccessTokens {
  issue(userId: string): Promise<IssuedToken>;
  /** Never throws for what the token says; throws when the keys can't be read. */
  verify(token: string): Promise<TokenVerdict>;
}

/** Longest token looked at, in characters; ours have about 400. */
const tokenLengthMax = 4096;
/** Clocks of replicas may differ by this much. */
const clockToleranceSeconds = 5;
const tokenType = 'at+jwt';

class UnknownKey extends Error {}

export function createAccessTokens(options: AccessTokenOptions): AccessTokens {
  const { keys, issuer, audience, lifetimeMs, now } = options;
  return {
    async issue(userId) {
      const { kid, privateKey } = await keys.current();
      const issuedAt = Math.floor(now() / 1000);
      const expiresAt = issuedAt + Math.floor(lifetimeMs / 1000);
      const token = await new SignJWT({})
        .setProtectedHeader({ alg: 'EdDSA', kid, typ: tokenType })
        .setSubject(userId)
        .setIssuer(issuer)
        .setAudience(audience)
        .setJti(crypto.randomUUID())
        .setIssuedAt(issuedAt)
        .setExpirationTime(expiresAt)
        .sign(privateKey);
      return { token, expiresAtMs: expiresAt * 1000 };
    },
    async verify(token) {
      if (token.length > tokenLengthMax) return { kind: 'invalid' };
      try {
        const { payload } = await jwtVerify(
          token,
          async ({ kid }) => {
            const key = kid === undefined ? undefined : await keys.publicKey(kid);
            if (key === undefined) throw new UnknownKey();
            return key;
          },
          {
            algorithms: ['EdDSA'],
            issuer,
            audience,
            typ: tokenType,
            clockTolerance: clockToleranceSeconds,
            currentDate: new Date(now()),
            requiredClaims: ['sub', 'exp', 'iat', 'jti'],
          },
        );
        const { sub = '', exp = 0 } = payload;
        return { kind: 'valid', userId: sub, expiresAtMs: exp * 1000 };
      } catch (error) {
        if (error instanceof errors.JWTExpired) return { kind: 'expired' };
        if (error instanceof UnknownKey || error instanceof errors.JOSEError) {
          return { kind: 'invalid' };
        }
        throw error;
      }
    },
  };
}
