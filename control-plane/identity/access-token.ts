import { type CryptoKey, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';

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

/** Whom a token is for. */
export interface TokenHolder {
  readonly userId: string;
  readonly sessionId: string;
  /** Set when the session is good in one organization alone. */
  readonly organizationId?: string | null | undefined;
  /** When the session ends at the latest: no token outlives it. */
  readonly notAfterMs: number;
}

export interface IssuedToken {
  readonly token: string;
  /** `jti` claim. */
  readonly tokenId: string;
  readonly expiresAtMs: number;
}

/** What is wrong with a token that is not good here, stable: shown to its holder and counted. */
export const tokenDefects = [
  'malformed',
  'algorithm_not_allowed',
  'key_unknown',
  'signature_wrong',
  'type_wrong',
  'issuer_wrong',
  'audience_wrong',
  'not_yet_valid',
  'claims_wrong',
] as const;
export type TokenDefect = (typeof tokenDefects)[number];

export type TokenVerdict =
  | {
      readonly kind: 'valid';
      readonly userId: string;
      readonly sessionId: string;
      readonly organizationId: string | null;
      readonly expiresAtMs: number;
    }
  | { readonly kind: 'expired' }
  | { readonly kind: 'invalid'; readonly reason: TokenDefect };

/** Short-lived access tokens of people: JWTs signed with EdDSA (RFC 8037), typed `at+jwt` (RFC 9068). */
export interface AccessTokens {
  issue(holder: TokenHolder): Promise<IssuedToken>;
  /** Never throws for what the token says; throws when the keys can't be read. */
  verify(token: string): Promise<TokenVerdict>;
}

/** Longest token looked at, in characters; ours have about 500. */
const tokenLengthMax = 4096;
/** Clocks of replicas may differ by this much. */
const clockToleranceSeconds = 5;
const tokenType = 'at+jwt';
const algorithm = 'EdDSA';

class UnknownKey extends Error {}

/** What every access token of the gateway says, for whichever audience. */
export interface TokenContent {
  readonly issuer: string;
  readonly audience: string;
  readonly subject: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly claims: JWTPayload;
}

/**
 * Signs an access token with the current key. The expiry is cut to seconds, so that none is good for longer;
 * the time of issue is not: one that was issued in the second of a revocation, after it, must not look older.
 */
export async function signToken(keys: SigningKeyRing, content: TokenContent): Promise<IssuedToken> {
  const { kid, privateKey } = await keys.current();
  const expiresAt = Math.floor(content.expiresAtMs / 1000);
  const tokenId = crypto.randomUUID();
  const token = await new SignJWT(content.claims)
    .setProtectedHeader({ alg: algorithm, kid, typ: tokenType })
    .setSubject(content.subject)
    .setIssuer(content.issuer)
    .setAudience(content.audience)
    .setJti(tokenId)
    .setIssuedAt(content.issuedAtMs / 1000)
    .setExpirationTime(expiresAt)
    .sign(privateKey);
  return { token, tokenId, expiresAtMs: expiresAt * 1000 };
}

/** A claim that is wrong, by what the library says of it. The signature was good by then. */
function defectOfClaim(claim: string): TokenDefect {
  if (claim === 'typ') return 'type_wrong';
  if (claim === 'iss') return 'issuer_wrong';
  if (claim === 'aud') return 'audience_wrong';
  if (claim === 'nbf' || claim === 'iat') return 'not_yet_valid';
  return 'claims_wrong';
}

function defectOf(error: unknown): TokenDefect | undefined {
  if (error instanceof UnknownKey) return 'key_unknown';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'algorithm_not_allowed';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature_wrong';
  if (error instanceof errors.JWTClaimValidationFailed) return defectOfClaim(error.claim);
  return error instanceof errors.JOSEError ? 'malformed' : undefined;
}

function verdictOf(payload: JWTPayload, nowMs: number): TokenVerdict {
  const { sub, sid, org, exp = 0, iat = 0 } = payload;
  // The library looks at `nbf` alone.
  if (iat * 1000 > nowMs + clockToleranceSeconds * 1000) {
    return { kind: 'invalid', reason: 'not_yet_valid' };
  }
  const isHeld = typeof sub === 'string' && typeof sid === 'string';
  if (!isHeld || (org !== undefined && typeof org !== 'string')) {
    return { kind: 'invalid', reason: 'claims_wrong' };
  }
  return {
    kind: 'valid',
    userId: sub,
    sessionId: sid,
    organizationId: org ?? null,
    expiresAtMs: exp * 1000,
  };
}

export function createAccessTokens(options: AccessTokenOptions): AccessTokens {
  const { keys, issuer, audience, lifetimeMs, now } = options;
  return {
    issue({ userId, sessionId, organizationId, notAfterMs }) {
      const issuedAtMs = now();
      return signToken(keys, {
        issuer,
        audience,
        subject: userId,
        issuedAtMs,
        expiresAtMs: Math.min(issuedAtMs + lifetimeMs, notAfterMs),
        claims: { sid: sessionId, ...(organizationId && { org: organizationId }) },
      });
    },
    async verify(token) {
      if (token.length > tokenLengthMax) return { kind: 'invalid', reason: 'malformed' };
      try {
        const { payload } = await jwtVerify(
          token,
          async ({ kid }) => {
            const key = kid === undefined ? undefined : await keys.publicKey(kid);
            if (key === undefined) throw new UnknownKey();
            return key;
          },
          {
            algorithms: [algorithm],
            issuer,
            audience,
            typ: tokenType,
            clockTolerance: clockToleranceSeconds,
            currentDate: new Date(now()),
            requiredClaims: ['sub', 'sid', 'exp', 'iat', 'jti'],
          },
        );
        return verdictOf(payload, now());
      } catch (error) {
        if (error instanceof errors.JWTExpired) return { kind: 'expired' };
        const reason = defectOf(error);
        if (reason === undefined) throw error;
        return { kind: 'invalid', reason };
      }
    },
  };
}
