import { compactVerify } from 'jose';
import type { ReasonCode } from '../../common/reasons.ts';
import type { IssuerEntry } from '../snapshot/issuer.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Principal, TokenProof } from './principal.ts';
import { TokenCache, type VerifiedToken } from './token-cache.ts';
import { readTokenClaims } from './token-claims.ts';
import { issuerFor } from './token-issuer.ts';
import { keyForToken } from './token-key.ts';
import { readTokenText } from './token-text.ts';
import { VerificationQueue } from './verification-queue.ts';

/** Why a token proves nothing here. */
export type TokenRefusal = Extract<
  ReasonCode,
  | 'credential_invalid'
  | 'credential_expired'
  | 'token_not_yet_valid'
  | 'token_audience_wrong'
  | 'token_issuer_unknown'
  | 'verifications_exhausted'
>;

type TokenOutcome = Principal | TokenRefusal;

export interface TokenOptions {
  /** Verified tokens that are kept, and bytes that they take. */
  readonly cacheTokensMax: number;
  readonly cacheBytesMax: number;
  /** Signature checks at the same time, and tokens that wait for one. */
  readonly verificationsMax: number;
  readonly verificationsWaitingMax: number;
  /** How far an issuer's clock may be ahead of ours; expiry is exact. */
  readonly clockSkewMs: number;
}

/** What a token is asked for. */
export interface TokenRequest {
  readonly snapshot: Snapshot;
  /** That of the path; undefined: there is no such organization. */
  readonly organizationId: string | undefined;
  /** The resource that is called (RFC 8707); undefined: nobody can know what this node is called. */
  readonly audience: string | undefined;
}

/** What was done so far, for metrics. */
export interface TokenCounts {
  readonly cacheHits: number;
  /** Signatures that were checked, good ones and others. */
  readonly verifications: number;
  readonly refusals: ReadonlyMap<TokenRefusal, number>;
  readonly cachedTokens: number;
  readonly cachedBytes: number;
  readonly running: number;
  readonly waiting: number;
}

/** One signature check, shared by all who bring the same token meanwhile. */
interface Verification {
  readonly issuer: IssuerEntry;
  readonly result: Promise<VerifiedToken | undefined>;
}

/** Whether the snapshot still holds the very entry that the token was verified by. */
function holds({ proof }: VerifiedToken, { snapshot, organizationId }: TokenRequest): boolean {
  return issuerFor(snapshot, organizationId, proof.issuer.issuer) === proof.issuer;
}

async function hasGoodSignature({ token, key }: TokenProof): Promise<boolean> {
  try {
    await compactVerify(token.text, key.key, { algorithms: [token.algorithm] });
    return true;
  } catch {
    return false;
  }
}

/**
 * Tells who calls by an access token (RFC 9068, RFC 6750). A token that was verified before is answered at
 * once; a new one is read, its issuer and key are found, and only then is its signature checked, away from
 * the event loop. What was cached counts while the snapshot holds the very entry whose key verified it, so
 * that a rotated or withdrawn key ends its tokens with the next call.
 */
export class TokenIdentifier {
  readonly #options: TokenOptions;
  readonly #cache: TokenCache;
  readonly #queue: VerificationQueue;
  readonly #verifications = new Map<string, Verification>();
  readonly #refusals = new Map<TokenRefusal, number>();
  #cacheHits = 0;
  #verificationCount = 0;

  constructor(options: TokenOptions) {
    this.#options = options;
    this.#cache = new TokenCache({
      tokensMax: options.cacheTokensMax,
      bytesMax: options.cacheBytesMax,
    });
    this.#queue = new VerificationQueue({
      runningMax: options.verificationsMax,
      waitingMax: options.verificationsWaitingMax,
    });
  }

  counts(): TokenCounts {
    return {
      cacheHits: this.#cacheHits,
      verifications: this.#verificationCount,
      refusals: this.#refusals,
      cachedTokens: this.#cache.size,
      cachedBytes: this.#cache.bytes,
      running: this.#queue.running,
      waiting: this.#queue.waiting,
    };
  }

  /** Answers at once for a token that is known, and later for one that is not. Never rejects. */
  identify(
    text: string,
    request: TokenRequest,
    nowMs: number,
  ): TokenOutcome | Promise<TokenOutcome> {
    const cached = this.#cache.get(text);
    if (cached !== undefined && holds(cached, request)) {
      this.#cacheHits += 1;
      return this.#counted(this.#admit(cached, request, nowMs));
    }
    const token = readTokenText(text);
    if (token === undefined) return this.#counted('credential_invalid');
    if (request.audience === undefined) return this.#counted('token_audience_wrong');
    const issuer = issuerFor(request.snapshot, request.organizationId, token.issuer);
    if (issuer === undefined) return this.#counted('token_issuer_unknown');
    const key = keyForToken(issuer, token);
    if (key === undefined) return this.#counted('credential_invalid');
    const verification = this.#verification({ token, issuer, key });
    if (verification === undefined) return this.#counted('verifications_exhausted');
    return this.#afterwards(verification, request, nowMs);
  }

  #verification(proof: TokenProof): Verification | undefined {
    const { token, issuer } = proof;
    const shared = this.#verifications.get(token.text);
    if (shared?.issuer === issuer) return shared;
    if (!this.#queue.hasRoom) return undefined;
    const result = this.#queue
      .run(() => this.#verify(proof))
      .finally(() => {
        if (this.#verifications.get(token.text) === verification) {
          this.#verifications.delete(token.text);
        }
      });
    const verification: Verification = { issuer, result };
    this.#verifications.set(token.text, verification);
    return verification;
  }

  async #verify(proof: TokenProof): Promise<VerifiedToken | undefined> {
    this.#verificationCount += 1;
    if (!(await hasGoodSignature(proof))) return undefined;
    const claims = readTokenClaims(proof);
    return claims === undefined ? undefined : { proof, claims };
  }

  async #afterwards(
    verification: Verification,
    request: TokenRequest,
    nowMs: number,
  ): Promise<TokenOutcome> {
    const token = await verification.result;
    if (token === undefined) return this.#counted('credential_invalid');
    const outcome = this.#admit(token, request, nowMs);
    // Only what is good for a call is kept: tokens for other audiences would crowd these out.
    if (typeof outcome !== 'string') this.#cache.add(token, nowMs);
    return this.#counted(outcome);
  }

  #admit({ claims }: VerifiedToken, request: TokenRequest, nowMs: number): TokenOutcome {
    const { expiresAtMs, notBeforeMs, audiences, principal } = claims;
    if (expiresAtMs <= nowMs) return 'credential_expired';
    if (notBeforeMs > nowMs + this.#options.clockSkewMs) return 'token_not_yet_valid';
    const { audience } = request;
    if (audience === undefined || !audiences.includes(audience)) return 'token_audience_wrong';
    if (principal === undefined || principal.organizationId !== request.organizationId) {
      return 'credential_invalid';
    }
    return principal;
  }

  #counted(outcome: TokenOutcome): TokenOutcome {
    if (typeof outcome === 'string') {
      this.#refusals.set(outcome, (this.#refusals.get(outcome) ?? 0) + 1);
    }
    return outcome;
  }
}
