import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { credentialId, credentialMatches } from '../../common/credential.ts';
import { commitChange } from '../store/commit-change.ts';
import { RefreshToken } from '../store/entities/refresh-token.ts';
import { Session, type SessionEndReason } from '../store/entities/session.ts';
import { User } from '../store/entities/user.ts';
import type { LoggedIn } from './login.ts';
import type { LoginThrottle } from './login-throttle.ts';
import {
  endSessions,
  issueTokens,
  type SessionDependencies,
  type SessionOrigin,
  storableOrigin,
} from './sessions.ts';

export interface RefreshDependencies extends SessionDependencies {
  readonly throttle: LoginThrottle;
}

export interface RefreshRequest extends SessionOrigin {
  readonly refreshToken: string;
}

/** Why a refresh token is not good. */
export type RefreshRefusal =
  | 'token_unknown'
  | 'token_reused'
  | 'token_expired'
  | 'session_ended'
  | 'session_expired'
  | 'account_disabled';

export type RefreshResult =
  | ({ readonly kind: 'refreshed' } & LoggedIn)
  | { readonly kind: 'refused'; readonly reason: RefreshRefusal }
  | { readonly kind: 'limited'; readonly retryAfterMs: number };

/** Each leaves a row that stays as long as its session: at one each quarter of an hour, a hundred days. */
const refreshesMax = 10_000;

interface Presented {
  readonly token: RefreshToken;
  readonly session: Session;
  readonly user: User;
}

/** Locks the session that a token belongs to, and then the token: of two who present it, one is first. */
async function lockPresented(
  em: EntityManager,
  tokenId: string,
  text: string,
): Promise<Presented | undefined> {
  const found = await em.findOne(RefreshToken, { tokenId });
  if (found === null || !credentialMatches(text, found.tokenHash)) return undefined;
  const session = await em.findOne(
    Session,
    { id: found.sessionId },
    { lockMode: LockMode.PESSIMISTIC_WRITE },
  );
  if (session === null) return undefined;
  const token = await em.refresh(found);
  const user = await em.findOne(User, { id: session.userId });
  return token === null || user === null ? undefined : { token, session, user };
}

/** Ends a session for what was done with its refresh tokens. */
async function endFamily(
  em: EntityManager,
  { session, user }: Presented,
  { clientAddress, userAgent }: SessionOrigin,
  reason: SessionEndReason,
  nowMs: number,
): Promise<void> {
  const resources = await endSessions(em, { sessionIds: [session.id] }, reason, nowMs);
  await commitChange(em, {
    organizationId: session.organizationId,
    actor: { kind: 'user', id: user.id, label: user.email, clientAddress },
    action: 'session.end',
    target: { type: 'session', id: session.id },
    details: { reason, userId: user.id },
    privateDetails: { userAgent },
    resources,
  });
}

function refusalOf({ token, session, user }: Presented, nowMs: number): RefreshRefusal | undefined {
  if (session.endedAt !== null) return 'session_ended';
  if (session.expiresAt.getTime() <= nowMs) return 'session_expired';
  // Before the token's own expiry: a thief's use must come to light however late.
  if (token.usedAt !== null) return 'token_reused';
  if (token.expiresAt.getTime() <= nowMs) return 'token_expired';
  return user.disabledAt === null ? undefined : 'account_disabled';
}

async function rotate(
  deps: RefreshDependencies,
  em: EntityManager,
  presented: Presented,
  origin: SessionOrigin,
): Promise<RefreshResult> {
  const nowMs = deps.now();
  const { token, session, user } = presented;
  const refusal = refusalOf(presented, nowMs);
  if (refusal === 'token_reused') {
    await endFamily(em, presented, origin, 'refresh_token_reused', nowMs);
  }
  if (refusal !== undefined) return { kind: 'refused', reason: refusal };
  if (session.refreshCount >= refreshesMax) {
    await endFamily(em, presented, origin, 'too_many_refreshes', nowMs);
    return { kind: 'refused', reason: 'session_ended' };
  }
  token.usedAt = new Date(nowMs);
  session.refreshCount += 1;
  session.lastUsedAt = new Date(nowMs);
  session.clientAddress = origin.clientAddress;
  session.userAgent = origin.userAgent;
  const tokens = await issueTokens(deps, em, session);
  await em.flush();
  return { kind: 'refreshed', user, ...tokens };
}

/**
 * Exchanges a refresh token for the next pair of tokens. Each is good once. One that is presented again,
 * also at the same time, ends its session with everything issued in it: of two who hold the same token one
 * is a thief, and nobody can tell which (RFC 9700, section 4.14.2). There is no grace for a client that
 * didn't hear the answer: it logs in again.
 */
export async function refreshSession(
  deps: RefreshDependencies,
  request: RefreshRequest,
): Promise<RefreshResult> {
  const tokenId = credentialId('refreshToken', request.refreshToken);
  if (tokenId === undefined) return { kind: 'refused', reason: 'token_unknown' };
  const origin = storableOrigin(request);
  const { throttle } = deps;
  return deps.store.withSystem(async (em): Promise<RefreshResult> => {
    const retryAfterMs = await throttle.tokensBlockedForMs(em, origin.clientAddress);
    if (retryAfterMs > 0) return { kind: 'limited', retryAfterMs };
    const presented = await lockPresented(em, tokenId, request.refreshToken);
    if (presented !== undefined) return rotate(deps, em, presented, origin);
    await throttle.tokenFailed(em, origin.clientAddress);
    return { kind: 'refused', reason: 'token_unknown' };
  });
}
