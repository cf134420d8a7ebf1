import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { credentialId } from '../../common/credential.ts';
import { auditedChange, auditedFields } from '../audit/field-changes.ts';
import { isUuid, textBounds, validatePassword } from '../input/text-rules.ts';
import { done, notFound, type Outcome, refused, violation } from '../input/violation.ts';
import { commitChange, recordAudit } from '../store/commit-change.ts';
import { Membership } from '../store/entities/membership.ts';
import { OneTimeToken } from '../store/entities/one-time-token.ts';
import { User } from '../store/entities/user.ts';
import type { Actor } from './actor.ts';
import { type Granter, grantViolations, readRole } from './granted-role.ts';
import type { LoginDependencies } from './login.ts';
import {
  createOneTimeToken,
  lockOneTimeToken,
  type PresentedToken,
  recordSpentToken,
  type TokenFault,
} from './one-time-tokens.ts';
import type { Person } from './principal.ts';
import { endSessions } from './sessions.ts';

export interface PasswordDependencies extends LoginDependencies {
  readonly bounds: LoginDependencies['bounds'] & { readonly passwordResetLifetimeMs: number };
}

/** Too many attempts failed: a service's answer beside its outcome. */
export interface Limited {
  readonly kind: 'limited';
  readonly retryAfterMs: number;
}

/** What was done with a password. */
export interface PasswordChanged {
  readonly sessionsEnded: number;
}

/**
 * Writes a new password in the caller's transaction: sessions that were opened with the old one end, and so
 * do tokens to reset it.
 */
async function setPassword(
  deps: LoginDependencies,
  em: EntityManager,
  change: {
    readonly user: User;
    readonly passwordHash: string;
    readonly actor: Actor;
    readonly action: 'user.change_password' | 'user.reset_password';
    readonly exceptSessionId?: string;
    /** The one-time token that was used. */
    readonly tokenId?: string;
  },
): Promise<PasswordChanged> {
  const { user, passwordHash, actor, action, exceptSessionId, tokenId } = change;
  const nowMs = deps.now();
  const before = auditedFields(user, ['passwordHash']);
  user.passwordHash = passwordHash;
  await em.flush();
  await em.nativeUpdate(
    OneTimeToken,
    { userId: user.id, usedAt: null, revokedAt: null },
    { revokedAt: new Date(nowMs) },
  );
  await deps.throttle.forgetAccount(em, user.email);
  const condition = {
    userId: user.id,
    ...(exceptSessionId !== undefined && { exceptSessionId }),
  };
  const resources = await endSessions(em, condition, 'password_changed', nowMs);
  const sessionsEnded = resources.filter(({ kind }) => kind === 'session').length;
  await commitChange(em, {
    organizationId: null,
    actor,
    action,
    target: { type: 'user', id: user.id, label: user.email },
    ...auditedChange(before, auditedFields(user, ['passwordHash']), {
      sessionsEnded,
      ...(tokenId !== undefined && { tokenId }),
    }),
    resources: [{ kind: 'user', id: user.id }, ...resources],
  });
  return { sessionsEnded };
}

const wrongPassword = () =>
  refused<never>(violation('currentPassword', 'INCORRECT', 'This is not the current password.'));

/**
 * Gives a person another password; the current one proves that a stolen access token is not all that the
 * caller has. Ends the person's other sessions. Guessing counts as guessing at log-in does.
 * @throws {PasswordWorkExhausted}
 */
export async function changePassword(
  deps: LoginDependencies,
  person: Person,
  input: { readonly currentPassword: string; readonly newPassword: string },
): Promise<Outcome<PasswordChanged> | Limited> {
  const { store, throttle, passwords } = deps;
  const violations = validatePassword('newPassword', input.newPassword);
  if (violations.length > 0) return { ok: false, violations };
  const { user, actor, sessionId } = person;
  const tooLong = input.currentPassword.length > textBounds.passwordLengthMax;
  const { email } = user;
  const clientAddress = actor.clientAddress ?? '';
  const begun = await store.withSystem((em) => throttle.begin(em, { email, clientAddress }));
  if (begun.kind === 'blocked') return { kind: 'limited', retryAfterMs: begun.retryAfterMs };
  const stored = tooLong ? undefined : (user.passwordHash ?? undefined);
  let passwordHash: string | undefined;
  try {
    const matches = await passwords.verify(tooLong ? '' : input.currentPassword, stored);
    if (matches) passwordHash = await passwords.hash(input.newPassword);
  } catch (error) {
    await store.withSystem((em) => throttle.undo(em, begun.attempt));
    throw error;
  }
  return store.withSystem(async (em) => {
    const current = await em.findOne(
      User,
      { id: user.id, passwordHash: user.passwordHash },
      { lockMode: LockMode.PESSIMISTIC_WRITE },
    );
    if (passwordHash === undefined || current === null) {
      await recordAudit(em, {
        organizationId: null,
        actor,
        action: 'user.change_password_failed',
        target: { type: 'user', id: user.id, label: email },
      });
      return wrongPassword();
    }
    await throttle.succeeded(em, begun.attempt);
    const change = { user: current, passwordHash, actor, exceptSessionId: sessionId };
    return done(await setPassword(deps, em, { ...change, action: 'user.change_password' }));
  });
}

/** A token for a new password, shown once. */
export interface PasswordReset {
  readonly token: string;
  readonly expiresAt: Date;
}

async function issueReset(
  deps: PasswordDependencies,
  em: EntityManager,
  request: { readonly user: User; readonly actor: Actor; readonly organizationId: string | null },
): Promise<Outcome<PasswordReset>> {
  const { user, actor, organizationId } = request;
  const nowMs = deps.now();
  const earlierEnded = await em.nativeUpdate(
    OneTimeToken,
    { userId: user.id, usedAt: null, revokedAt: null },
    { revokedAt: new Date(nowMs) },
  );
  const { row, token } = createOneTimeToken(
    em,
    { purpose: 'password_reset', userId: user.id, organizationId },
    { createdBy: actor.id, nowMs, lifetimeMs: deps.bounds.passwordResetLifetimeMs },
  );
  await commitChange(em, {
    organizationId,
    actor,
    action: 'user.request_password_reset',
    target: { type: 'user', id: user.id, label: user.email },
    ...auditedChange(null, auditedFields(row, ['expiresAt']), {
      tokenId: row.tokenId,
      earlierEnded,
    }),
    resources: [],
  });
  return done({ token, expiresAt: row.expiresAt });
}

/** A token by which somebody sets a new password. For operators. Tokens that were made before end. */
export async function requestPasswordReset(
  deps: PasswordDependencies,
  actor: Actor,
  userId: string,
): Promise<Outcome<PasswordReset>> {
  if (!isUuid(userId)) return refused(notFound('userId', 'user'));
  return deps.store.withSystem(async (em) => {
    const lock = { lockMode: LockMode.PESSIMISTIC_WRITE } as const;
    const user = await em.findOne(User, { id: userId }, lock);
    if (user === null) return refused(notFound('userId', 'user'));
    return issueReset(deps, em, { user, actor, organizationId: null });
  });
}

/**
 * Whether an account is one organization's alone: whoever sets its password gains nothing elsewhere. One that
 * the organization's issuer named is not: the issuer can name anybody's.
 */
async function belongsToAlone(
  em: EntityManager,
  user: User,
  organizationId: string,
): Promise<boolean> {
  if (user.platformRole !== null) return false;
  const memberships = await em.find(Membership, { userId: user.id }, { limit: 2 });
  const [only] = memberships;
  return memberships.length === 1 && only?.organizationId === organizationId && !only.issuerId;
}

/**
 * A token by which a member sets a new password, for who manages an organization's members. Only for an
 * account that is a member of nothing else and no operator: its password opens everything that it reaches.
 * And only for who has no more permissions than the caller.
 */
export async function requestMemberPasswordReset(
  deps: PasswordDependencies,
  granter: Granter,
  input: { readonly organizationId: string; readonly userId: string },
): Promise<Outcome<PasswordReset>> {
  const { userId } = input;
  const organizationId = input.organizationId.toLowerCase();
  if (!isUuid(userId)) return refused(notFound('userId', 'member'));
  return deps.store.withSystem(async (em) => {
    const lock = { lockMode: LockMode.PESSIMISTIC_WRITE } as const;
    const user = await em.findOne(User, { id: userId }, lock);
    const membership = await em.findOne(Membership, { organizationId, userId });
    if (user === null || membership === null) return refused(notFound('userId', 'member'));
    const role = await readRole(em, organizationId, membership);
    const violations = grantViolations(granter, 'userId', role);
    if (violations.length > 0) return { ok: false, violations };
    if (!(await belongsToAlone(em, user, organizationId))) {
      // Also of an operator: which of the two it is, or where else, is nothing that this caller may know.
      const text = 'Only a platform operator can do this for this account.';
      return refused(violation('userId', 'NOT_ALLOWED', text));
    }
    return issueReset(deps, em, { user, actor: granter.actor, organizationId });
  });
}

const badToken = () =>
  refused<never>(
    violation('token', 'NOT_FOUND', 'The token is unknown, or was used, taken back or expired.'),
  );

interface ResetTarget {
  readonly user: User;
  readonly token: OneTimeToken;
}

/** The account that a good token is for; what made the token good may be different by now. */
async function targetOf(
  em: EntityManager,
  token: OneTimeToken,
): Promise<ResetTarget | { readonly fault: TokenFault }> {
  const user = await em.findOne(User, { id: token.userId, disabledAt: null });
  const { organizationId } = token;
  const isStill =
    user !== null && (organizationId === null || (await belongsToAlone(em, user, organizationId)));
  return isStill ? { user, token } : { fault: 'outdated' };
}

async function lockReset(
  deps: LoginDependencies,
  em: EntityManager,
  text: string,
  clientAddress: string,
): Promise<Exclude<PresentedToken, { kind: 'good' }> | ({ kind: 'good' } & ResetTarget)> {
  // The account before its tokens, as everywhere.
  const tokenId = credentialId('oneTimeToken', text) ?? '';
  const known = await em.findOne(OneTimeToken, { tokenId, purpose: 'password_reset' });
  if (known !== null) {
    await em.findOne(User, { id: known.userId }, { lockMode: LockMode.PESSIMISTIC_WRITE });
  }
  const presented = await lockOneTimeToken(em, deps.throttle, {
    ...{ text, clientAddress, nowMs: deps.now() },
    purpose: 'password_reset',
  });
  if (presented.kind !== 'good') return presented;
  const target = await targetOf(em, presented.token);
  if ('fault' in target) return { kind: 'spent', token: presented.token, fault: target.fault };
  return { kind: 'good', ...target };
}

/**
 * Sets a new password by a one-time token and ends all of the person's sessions. The token is looked at
 * before the password is hashed, so that strangers cause no such work, and again when it is used.
 * @throws {PasswordWorkExhausted}
 */
export async function resetPassword(
  deps: LoginDependencies,
  input: { readonly token: string; readonly newPassword: string; readonly clientAddress: string },
): Promise<Outcome<PasswordChanged> | Limited> {
  const { store, passwords } = deps;
  const violations = validatePassword('newPassword', input.newPassword);
  if (violations.length > 0) return { ok: false, violations };
  const found = await store.withSystem((em) =>
    lockReset(deps, em, input.token, input.clientAddress),
  );
  if (found.kind === 'limited') return found;
  if (found.kind === 'unknown') return badToken();
  const passwordHash = found.kind === 'good' ? await passwords.hash(input.newPassword) : undefined;
  return store.withSystem(async (em) => {
    const locked = await lockReset(deps, em, input.token, input.clientAddress);
    if (locked.kind === 'spent') await recordSpentToken(em, locked, input.clientAddress);
    if (locked.kind !== 'good' || passwordHash === undefined) return badToken();
    const { user, token } = locked;
    token.usedAt = new Date(deps.now());
    const actor = { kind: 'user', id: user.id, label: user.email } as const;
    return done(
      await setPassword(deps, em, {
        ...{ user, passwordHash, action: 'user.reset_password' as const },
        tokenId: token.tokenId,
        actor: { ...actor, clientAddress: input.clientAddress },
      }),
    );
  });
}
