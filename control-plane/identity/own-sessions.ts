import type { EntityManager } from '@mikro-orm/postgresql';
import { findPage, type Keyset } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isUuid } from '../input/text-rules.ts';
import { done, notFound, type Outcome, refused } from '../input/violation.ts';
import { commitChange, recordAudit } from '../store/commit-change.ts';
import { Session, type SessionEndReason } from '../store/entities/session.ts';
import { User } from '../store/entities/user.ts';
import type { Store } from '../store/store.ts';
import type { Actor } from './actor.ts';
import type { Person } from './principal.ts';
import { endSessions, type SessionCondition } from './sessions.ts';

/** Order of the connections of sessions. */
export const newestSessionFirst: Keyset = {
  keys: [{ property: 'id', kind: 'uuid' }],
  descending: true,
};

/**
 * The sessions that a person may see and end from the one they act in: one that an organization's issuer
 * vouched for reaches only those of the same organization, whose admins decide what the issuer says.
 */
function ownReach({ user, organizationId }: Person): SessionCondition {
  return { userId: user.id, ...(organizationId !== null && { organizationId }) };
}

function standing(condition: object, nowMs: number): object {
  return { ...condition, endedAt: null, expiresAt: { $gt: new Date(nowMs) } };
}

/** A person's own sessions that stand. */
export function listOwnSessions(
  store: Store,
  person: Person,
  page: PageRequest,
  nowMs: number,
): Promise<Page<Session>> {
  const where = standing(ownReach(person), nowMs);
  return store.withUser(person.user.id, (em) =>
    findPage(em, Session, where, newestSessionFirst, page),
  );
}

/** The sessions of somebody that stand, for an operator. */
export async function listSessionsOf(
  store: Store,
  userId: string,
  page: PageRequest,
  nowMs: number,
): Promise<Page<Session>> {
  const where = isUuid(userId) ? standing({ userId }, nowMs) : { id: null };
  return store.withPlatform((em) => findPage(em, Session, where, newestSessionFirst, page));
}

interface Ending {
  readonly actor: Actor;
  readonly condition: SessionCondition;
  readonly reason: SessionEndReason;
  /** Whose sessions. */
  readonly userId: string;
  readonly userLabel?: string;
}

/**
 * Ends sessions with an audit entry, also when there were none to end: somebody asked for it. The entry is
 * about the person and lists the sessions, because there can be hundreds, of which the same is to be said.
 * It is in the platform's trail, also of a session that is good in one organization alone: a transaction of
 * a person reaches no organization's.
 */
async function endAll(em: EntityManager, ending: Ending, nowMs: number): Promise<number> {
  const { actor, condition, reason, userId, userLabel } = ending;
  const resources = await endSessions(em, condition, reason, nowMs);
  const sessionIds = resources.flatMap(({ kind, id }) => (kind === 'session' ? id : []));
  const event = {
    organizationId: null,
    actor,
    action: 'session.end',
    target: { type: 'user', id: userId, ...(userLabel !== undefined && { label: userLabel }) },
    details: { reason, sessionIds },
  };
  if (sessionIds.length === 0) await recordAudit(em, event);
  else await commitChange(em, { ...event, resources });
  return sessionIds.length;
}

/** What became of ended sessions. */
export interface EndedSessions {
  readonly endedCount: number;
}

function endOwn(store: Store, person: Person, ending: Ending, nowMs: number): Promise<number> {
  return store.withUser(person.user.id, (em) => endAll(em, ending, nowMs));
}

function ownEnding(person: Person, reason: SessionEndReason, condition: SessionCondition): Ending {
  const { actor, user } = person;
  return { actor, reason, condition, userId: user.id, userLabel: user.email };
}

/** Ends the session that a person acts in. */
export async function logOut(
  store: Store,
  person: Person,
  nowMs: number,
): Promise<Outcome<EndedSessions>> {
  const condition = { userId: person.user.id, sessionIds: [person.sessionId] };
  const ending = ownEnding(person, 'logged_out', condition);
  return done({ endedCount: await endOwn(store, person, ending, nowMs) });
}

/** Ends one of a person's own sessions. */
export async function endOwnSession(
  store: Store,
  person: Person,
  id: string,
  nowMs: number,
): Promise<Outcome<EndedSessions>> {
  const condition = { ...ownReach(person), sessionIds: [id] };
  const ending = ownEnding(person, 'ended_by_user', condition);
  const endedCount = await endOwn(store, person, ending, nowMs);
  return endedCount === 0 ? refused(notFound('id', 'session')) : done({ endedCount });
}

/** Ends a person's own sessions but the one that the person acts in. */
export async function endOtherSessions(
  store: Store,
  person: Person,
  nowMs: number,
): Promise<Outcome<EndedSessions>> {
  const condition = { ...ownReach(person), exceptSessionId: person.sessionId };
  const ending = ownEnding(person, 'ended_by_user', condition);
  return done({ endedCount: await endOwn(store, person, ending, nowMs) });
}

/** Ends one session of somebody, or all, for an operator. */
export async function endSessionsOf(
  store: Store,
  actor: Actor,
  input: { readonly userId: string; readonly sessionId?: string | null | undefined },
  nowMs: number,
): Promise<Outcome<EndedSessions>> {
  const { userId, sessionId } = input;
  if (!isUuid(userId)) return refused(notFound('userId', 'user'));
  const condition = { userId, ...(sessionId && { sessionIds: [sessionId] }) };
  return store.withPlatform(async (em) => {
    const user = await em.findOne(User, { id: userId });
    if (user === null) return refused(notFound('userId', 'user'));
    const reason = 'ended_by_operator';
    const ending: Ending = { actor, condition, reason, userId, userLabel: user.email };
    const endedCount = await endAll(em, ending, nowMs);
    if (endedCount === 0 && sessionId) return refused(notFound('sessionId', 'session'));
    return done({ endedCount });
  });
}
