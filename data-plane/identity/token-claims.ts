import { createHash } from 'node:crypto';
import { accessTokenBounds } from '../../common/access-token-bounds.ts';
import { claimedRole } from '../../common/claimed-role.ts';
import { parseScope } from '../../common/scope.ts';
import { platform } from '../snapshot/issuer.ts';
import type { AccessTokenFacts, Principal, TokenProof } from './principal.ts';
import type { TokenText } from './token-text.ts';
import { isPlainText, numericDateMs, textList } from './token-value.ts';

/** What a verified token says, whoever asks and whenever. */
export interface TokenClaims {
  /** Milliseconds since the Unix epoch. */
  readonly expiresAtMs: number;
  /** The later of `nbf` and `iat`. */
  readonly notBeforeMs: number;
  readonly audiences: readonly string[];
  /** Undefined: it is no access token for the proxy, whatever else it may be good for. */
  readonly principal: Principal | undefined;
}

const subjectLengthMax = 255;
const tokenIdLengthMax = 400;
/** Longest `jti` that stands in records as it is. */
const credentialIdLengthMax = 128;
const grantsMax = 64;

/** Claims that only an ID token has: it says who logged in, and gives no access. */
const idTokenClaims = ['nonce', 'at_hash', 'c_hash', 's_hash'];

const wholeOrganization = ['mcp:*'];

type Claims = TokenText['claims'];

/** `scope` of the RFCs, `scp` of some providers. Only what narrows calls counts here. */
function callScopes(claims: Claims): readonly string[] {
  const lists = [textList(claims['scope']) ?? [], textList(claims['scp']) ?? []];
  const scopes = lists.flat().flatMap((text) => text.split(' '));
  return [...new Set(scopes.filter((scope) => parseScope(scope)?.kind === 'call'))].slice(
    0,
    grantsMax,
  );
}

/** Public name of a token in records: its own id, or a hash that tells nothing of it. */
function credentialIdOf(text: string, tokenId: string | undefined): string {
  if (tokenId !== undefined && tokenId.length <= credentialIdLengthMax) return tokenId;
  return `sha256-${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`;
}

/**
 * Undefined when a revocation could miss the token: what can't be read would be overlooked, and what lives
 * longer than a revocation stands would be good again.
 */
function tokenFacts(proof: TokenProof, expiresAtMs: number): AccessTokenFacts | undefined {
  const { iat, jti, sid } = proof.token.claims;
  const issuedAtMs = numericDateMs(iat);
  if (issuedAtMs === undefined || expiresAtMs - issuedAtMs > accessTokenBounds.lifetimeMsMax) {
    return undefined;
  }
  if (jti !== undefined && !isPlainText(jti, tokenIdLengthMax)) return undefined;
  return {
    issuedAtMs,
    expiresAtMs,
    tokenId: jti,
    sessionId: isPlainText(sid, tokenIdLengthMax) ? sid : undefined,
    proof,
  };
}

/** A token of the gateway for the proxy says itself who acts, where and as what. */
function ownPrincipal(token: AccessTokenFacts): Principal | undefined {
  const { text, claims } = token.proof.token;
  const { sub, org, roles } = claims;
  const { tokenId, sessionId } = token;
  if (!isPlainText(sub, subjectLengthMax) || !/^(?:user|service):./.test(sub)) return undefined;
  if (!isPlainText(org, 64) || tokenId === undefined) return undefined;
  // A session that can't be named can't be ended either.
  if (sub.startsWith('user:') && sessionId === undefined) return undefined;
  return {
    organizationId: org,
    subject: sub,
    roles: (textList(roles) ?? []).slice(0, grantsMax),
    scopes: callScopes(claims),
    credentialId: credentialIdOf(text, tokenId),
    token,
  };
}

/** An organization's issuer makes subjects of its own, in that organization only. */
function issuedPrincipal(token: AccessTokenFacts): Principal | undefined {
  const { issuer } = token.proof;
  const { text, claims } = token.proof.token;
  const { sub } = claims;
  if (!isPlainText(sub, subjectLengthMax)) return undefined;
  // Bound to a key of the client's (RFC 7800): who merely carries it has not proved to be that client.
  if (Object.hasOwn(claims, 'cnf')) return undefined;
  if (idTokenClaims.some((name) => Object.hasOwn(claims, name))) return undefined;
  const role = claimedRole(claims, issuer);
  return {
    organizationId: issuer.organizationId,
    subject: `issuer:${issuer.id}:${sub}`,
    // A role that is gone, or may not call, comes as an empty one.
    roles: role === undefined || role === '' ? [] : [role],
    scopes: issuer.scopeMode === 'role' ? wholeOrganization : callScopes(claims),
    credentialId: credentialIdOf(text, token.tokenId),
    // Only sessions of the gateway's own can be ended here.
    token: { ...token, sessionId: undefined },
  };
}

/** Reads the claims of a token that was verified; undefined: it can't be used, not even to say why. */
export function readTokenClaims(proof: TokenProof): TokenClaims | undefined {
  const { exp, nbf, aud } = proof.token.claims;
  const expiresAtMs = numericDateMs(exp);
  const notBeforeMs = nbf === undefined ? 0 : numericDateMs(nbf);
  const audiences = textList(aud);
  if (expiresAtMs === undefined || notBeforeMs === undefined || audiences === undefined) {
    return undefined;
  }
  const facts = tokenFacts(proof, expiresAtMs);
  if (facts === undefined) return undefined;
  const isOwn = proof.issuer.organizationId === platform;
  return {
    expiresAtMs,
    notBeforeMs: Math.max(notBeforeMs, facts.issuedAtMs),
    audiences,
    principal: isOwn ? ownPrincipal(facts) : issuedPrincipal(facts),
  };
}
