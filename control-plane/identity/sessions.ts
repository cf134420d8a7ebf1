import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { newCredential } from '../../common/credential.ts';
import { isUuid } from '../input/text-rules.ts';
import type { AuditEvent } from '../store/append-audit-entry.ts';
import type { ChangedResource } from '../store/changed-resource.ts';
import { commitChange, recordAudit } from '../store/commit-change.ts';
import { RefreshToken } from '../store/entities/refresh-token.ts';
import { Session, type SessionEndReason } from '../store/entities/session.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import type { AccessTokens, IssuedToken } from './access-token.ts';
import { type RevocationReason, revokeSession } from './revocations.ts';

export interface SessionBounds {
  /** From the log-in to the session's end, whatever happens. */
  readonly sessionLifetimeMs: number;
  /** From one refresh to the next. */
  readonly sessionIdleTimeoutMs: number;
}

export interface SessionDependencies {
  readonly store: Store;
  readonly tokens: AccessTokens;
  readonly bounds: SessionBounds;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** Where a session is used from, as the server sees it. */
export interface SessionOrigin {
  readonly clientAddress: string;
  readonly userAgent: string;
}

export interface NewSession extends SessionOrigin {
  readonly userId: string;
  /** Both set when an organization's issuer vouched: the session is good in that organization alone. */
  readonly organizationId?: string | null | undefined;
  readonly issuerId?: string | null | undefined;
}

/** The tokens of a session. Neither is stored as text. */
export interface SessionTokens {
  readonly access: IssuedToken;
  readonly refresh: { readonly token: string; readonly expiresAtMs: number };
}

export interface OpenedSession extends SessionTokens {
  readonly session: Session;
  /** Sessions that made room: to be committed with the log-in. */
  readonly evicted: readonly ChangedResource[];
}

/**
 * Sessions that stand at the same time for one person, by password and through each organization's issuers; a
 * further one ends the one that was used least recently.
 */
const sessionsOfUserMax = 100;
/** Sessions that one call ends: a change touches a bounded number of resources. */
const endedAtOnceMax = 300;
const addressLengthMax = 64;
const userAgentLengthMax = 400;

/** An origin as it can be stored: strangers choose the header. */
export function storableOrigin({ clientAddress, userAgent }: SessionOrigin): SessionOrigin {
  const visible = userAgent.toWellFormed().replaceAll(/\p{Cc}/gu, ' ');
  return {
    clientAddress: clientAddress.slice(0, addressLengthMax),
    userAgent: visible.slice(0, userAgentLengthMax).toWellFormed(),
  };
}

/** Gives a session its next pair of tokens. The refresh token is good once, and no longer than the session. */
export async function issueTokens(
  { tokens, bounds, now }: Pick<SessionDependencies, 'tokens' | 'bounds' | 'now'>,
  em: EntityManager,
  session: Session,
): Promise<SessionTokens> {
  const credential = newCredential('refreshToken');
  const issuedAtMs = now();
  const expiresAtMs = Math.min(
    issuedAtMs + bounds.sessionIdleTimeoutMs,
    session.expiresAt.getTime(),
  );
  em.create(RefreshToken, {
    tokenId: credential.id,
    tokenHash: credential.hash,
    sessionId: session.id,
    issuedAt: new Date(issuedAtMs),
    expiresAt: new Date(expiresAtMs),
    usedAt: null,
  });
  const { userId, id: sessionId, organizationId } = session;
  const access = await tokens.issue({ userId, sessionId, organizationId, notAfterMs: expiresAtMs });
  return { access, refresh: { token: credential.text, expiresAtMs } };
}

/**
 * Ends the sessions of a person that were used least recently, so that there is room for one more. Those that
 * an organization's issuer vouches for make room for each other alone: its admins could else end all others.
 */
async function makeRoom(
  em: EntityManager,
  { userId, organizationId = null }: NewSession,
  nowMs: number,
): Promise<ChangedResource[]> {
  const standing = await em.find(
    Session,
    { userId, organizationId, endedAt: null, expiresAt: { $gt: new Date(nowMs) } },
    { orderBy: { lastUsedAt: 'desc', id: 'desc' }, limit: sessionsOfUserMax + 20 },
  );
  const excess = standing.slice(sessionsOfUserMax - 1).map(({ id }) => id);
  if (excess.length === 0) return [];
  return endSessions(em, { userId, sessionIds: excess }, 'too_many_sessions', nowMs);
}

/**
 * Opens a session for a person who has proved who they are, in the caller's transaction, which has to be
 * one of the system role: refresh tokens are nobody else's to read. The caller ends the transaction with
 * `recordLogin`.
 */
export async function openSession(
  deps: Pick<SessionDependencies, 'tokens' | 'bounds' | 'now'>,
  em: EntityManager,
  request: NewSession,
): Promise<OpenedSession> {
  const nowMs = deps.now();
  const evicted = await makeRoom(em, request, nowMs);
  const session = em.create(Session, {
    id: uuidV7(),
    userId: request.userId,
    organizationId: request.organizationId ?? null,
    issuerId: request.issuerId ?? null,
    ...storableOrigin(request),
    createdAt: new Date(nowMs),
    lastUsedAt: new Date(nowMs),
    expiresAt: new Date(nowMs + deps.bounds.sessionLifetimeMs),
    refreshCount: 0,
    endedAt: null,
    endReason: null,
  });
  await em.flush();
  return { session, evicted, ...(await issueTokens(deps, em, session)) };
}

/**
 * Ends the transaction of a log-in: a change when something changed with it, or sessions had to make room,
 * else an audit entry alone. What opens a session has no fields before: the entry names the session.
 */
export async function recordLogin(
  em: EntityManager,
  event: AuditEvent,
  { session, evicted }: Pick<OpenedSession, 'session' | 'evicted'>,
  changed: readonly ChangedResource[] = [],
): Promise<void> {
  const ended = evicted.filter(({ kind }) => kind === 'session').length;
  const details = {
    ...event.details,
    sessionId: session.id,
    ...(ended > 0 && { sessionsEnded: ended }),
  };
  const resources = [...changed, ...evicted];
  if (resources.length === 0) await recordAudit(em, { ...event, details });
  else await commitChange(em, { ...event, details, resources });
}

/** Which sessions to end; all that is given has to hold. */
export interface SessionCondition {
  readonly userId?: string | undefined;
  readonly sessionIds?: readonly string[] | undefined;
  readonly exceptSessionId?: string | undefined;
  /** Sessions bound to this organization. */
  readonly organizationId?: string | undefined;
  readonly issuerId?: string | undefined;
}

function where(condition: SessionCondition, nowMs: number): object {
  const { userId, sessionIds, exceptSessionId, organizationId, issuerId } = condition;
  const conditions: object[] = [{ endedAt: null, expiresAt: { $gt: new Date(nowMs) } }];
  if (userId !== undefined) conditions.push({ userId });
  if (sessionIds !== undefined) conditions.push({ id: { $in: sessionIds.filter(isUuid) } });
  if (exceptSessionId !== undefined) conditions.push({ id: { $ne: exceptSessionId } });
  if (organizationId !== undefined) conditions.push({ organizationId });
  if (issuerId !== undefined) conditions.push({ issuerId });
  return { $and: conditions };
}

/** Why a session's access tokens at the proxy end with it. */
const revocationReasons: Partial<Record<SessionEndReason, RevocationReason>> = {
  refresh_token_reused: 'refresh_token_reused',
  password_changed: 'password_changed',
  account_disabled: 'user_disabled',
  account_deleted: 'user_deleted',
  membership_ended: 'member_removed',
};

/**
 * Ends sessions in the caller's transaction, which commits what is returned with its change: at most 300,
 * so that a caller who may mean more repeats, in a transaction each, until none is left. Refresh tokens of
 * an ended session stay and are refused.
 */
export async function endSessions(
  em: EntityManager,
  condition: SessionCondition,
  reason: SessionEndReason,
  nowMs: number,
): Promise<ChangedResource[]> {
  const sessions = await em.find(Session, where(condition, nowMs), {
    lockMode: LockMode.PESSIMISTIC_WRITE,
    orderBy: { id: 'asc' },
    limit: endedAtOnceMax,
  });
  for (const session of sessions) {
    session.endedAt = new Date(nowMs);
    session.endReason = reason;
  }
  const resources: ChangedResource[] = [];
  for (const { id } of sessions) {
    resources.push({ kind: 'session', id });
    resources.push(await revokeSession(em, id, revocationReasons[reason] ?? 'session_ended'));
  }
  return resources;
}

/** Whether a session still stands, and if not, why. */
export type SessionStanding = 'standing' | 'ended' | 'expired';

/** A session as a token names it. */
export interface SessionReference {
  readonly userId: string;
  readonly sessionId: string;
  readonly organizationId: string | null;
}

/** Says of a session whether it is good now. One that is not there, or not as named, counts as ended. */
export async function sessionStanding(
  em: EntityManager,
  { userId, sessionId, organizationId }: SessionReference,
  nowMs: number,
): Promise<SessionStanding> {
  if (!isUuid(sessionId)) return 'ended';
  const session = await em.findOne(Session, { id: sessionId, userId, organizationId });
  if (session === null || session.endedAt !== null) return 'ended';
  return session.expiresAt.getTime() <= nowMs ? 'expired' : 'standing';
}
