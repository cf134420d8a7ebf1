import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { type AuditedFields, auditedChange, auditedFields } from '../audit/field-changes.ts';
import { containsText, findPage, oldestFirst } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import {
  isStorableText,
  isUuid,
  normalizeEmail,
  validateEmail,
  validateName,
  validatePassword,
} from '../input/text-rules.ts';
import { orTaken } from '../input/unique-violation.ts';
import {
  done,
  notFound,
  type Outcome,
  refused,
  type Violation,
  versionConflict,
  violation,
} from '../input/violation.ts';
import type { ChangedResource } from '../store/changed-resource.ts';
import { commitChange } from '../store/commit-change.ts';
import { Membership } from '../store/entities/membership.ts';
import { OneTimeToken } from '../store/entities/one-time-token.ts';
import { type PlatformRole, User } from '../store/entities/user.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import type { Actor } from './actor.ts';
import type { PasswordDesk } from './password-desk.ts';
import { revokeUser } from './revocations.ts';
import { endSessions } from './sessions.ts';

export interface UserDependencies {
  readonly store: Store;
  readonly passwords: PasswordDesk;
}

export interface NewUser {
  readonly email: string;
  readonly displayName: string;
  readonly password: string;
  readonly platformRole?: PlatformRole | null | undefined;
}

/** Everything that is wrong with a new person's fields. */
function validateNewUser(input: NewUser): Violation[] {
  return [
    ...validateEmail('email', input.email),
    ...validateName('displayName', input.displayName),
    ...validatePassword('password', input.password),
  ];
}

export interface UserFilterFields {
  readonly email?: string | null | undefined;
  readonly search?: string | null | undefined;
  readonly disabled?: boolean | null | undefined;
}

function where(filter: UserFilterFields): object {
  const conditions: object[] = [];
  const search = filter.search ?? '';
  if (search !== '' && isStorableText(search)) {
    conditions.push({
      $or: [{ email: containsText(search) }, { displayName: containsText(search) }],
    });
  }
  if (typeof filter.email === 'string') conditions.push({ email: normalizeEmail(filter.email) });
  if (typeof filter.disabled === 'boolean') {
    conditions.push({ disabledAt: filter.disabled ? { $ne: null } : null });
  }
  return conditions.length === 0 ? {} : { $and: conditions };
}

/** Everybody on the platform. */
export function listUsers(
  store: Store,
  filter: UserFilterFields,
  page: PageRequest,
): Promise<Page<User>> {
  return store.withPlatform((em) => findPage(em, User, where(filter), oldestFirst, page));
}

export async function findUser(store: Store, id: string): Promise<User | null> {
  if (!isUuid(id)) return null;
  return store.withPlatform((em) => em.findOne(User, { id }));
}

/** @throws {PasswordWorkExhausted} */
export async function createUser(
  { store, passwords }: UserDependencies,
  actor: Actor,
  input: NewUser,
): Promise<Outcome<User>> {
  const violations = validateNewUser(input);
  if (violations.length > 0) return { ok: false, violations };
  const passwordHash = await passwords.hash(input.password);
  return orTaken({ users_email_key: 'email' }, () =>
    store.withPlatform(async (em) => {
      const user = em.create(User, {
        id: uuidV7(),
        email: normalizeEmail(input.email),
        displayName: input.displayName,
        passwordHash,
        platformRole: input.platformRole ?? null,
        disabledAt: null,
      });
      await commitChange(em, {
        organizationId: null,
        actor,
        action: 'user.create',
        target: { type: 'user', id: user.id, label: user.email },
        ...auditedChange(null, auditedUser(user)),
        resources: [{ kind: 'user', id: user.id }],
      });
      return done(user);
    }),
  );
}

export interface UserChanges {
  readonly id: string;
  readonly version: number;
  readonly displayName?: string | null | undefined;
  readonly password?: string | null | undefined;
  /** Null takes the role away. */
  readonly platformRole?: PlatformRole | null | undefined;
  readonly disabled?: boolean | null | undefined;
}

function validateChanges(input: UserChanges): Violation[] {
  return [
    ...(typeof input.displayName === 'string'
      ? validateName('displayName', input.displayName)
      : []),
    ...(typeof input.password === 'string' ? validatePassword('password', input.password) : []),
  ];
}

/** True when the changes take the operator's power from the one who makes them. */
function shutsOutActor(actor: Actor, input: UserChanges): boolean {
  return actor.id === input.id && (input.disabled === true || input.platformRole === null);
}

/** What may change of an account and stands in the audit trail then. */
const auditedNames = ['displayName', 'passwordHash', 'platformRole', 'disabledAt'] as const;

/** An account as the entry about its beginning or its end knows it. */
export function auditedUser(user: User): AuditedFields {
  return auditedFields(user, ['email', ...auditedNames]);
}

/**
 * Ends the sessions that a change to an account leaves no ground for: all when it is disabled; when it has
 * another password, all but the one that an operator changes their own in.
 */
async function endGroundless(
  em: EntityManager,
  actor: Actor,
  { id, disabled, password }: UserChanges,
  nowMs: number,
): Promise<ChangedResource[]> {
  if (disabled === true) return endSessions(em, { userId: id }, 'account_disabled', nowMs);
  if (typeof password !== 'string') return [];
  const open = { userId: id, usedAt: null, revokedAt: null };
  await em.nativeUpdate(OneTimeToken, open, { revokedAt: new Date(nowMs) });
  const { credential } = actor;
  const own = actor.id === id && credential?.kind === 'session' ? credential.id : undefined;
  const condition = { userId: id, ...(own !== undefined && { exceptSessionId: own }) };
  return endSessions(em, condition, 'password_changed', nowMs);
}

/**
 * Changes a person. Nobody takes their own power over the platform away, so that one operator is left.
 * @throws {PasswordWorkExhausted}
 */
export async function updateUser(
  { store, passwords, now }: UserDependencies & { readonly now: () => number },
  actor: Actor,
  input: UserChanges,
): Promise<Outcome<User>> {
  const violations = validateChanges(input);
  if (violations.length > 0) return { ok: false, violations };
  if (!isUuid(input.id)) return refused(notFound('id', 'user'));
  if (shutsOutActor(actor, input)) {
    return refused(violation('id', 'NOT_ALLOWED', 'Nobody can shut themselves out.'));
  }
  const passwordHash =
    typeof input.password === 'string' ? await passwords.hash(input.password) : undefined;
  return store.withPlatform(async (em) => {
    const user = await em.findOne(User, { id: input.id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (user === null) return refused(notFound('id', 'user'));
    if (user.version !== input.version) return refused(versionConflict());
    const before = auditedFields(user, auditedNames);
    user.displayName = input.displayName ?? user.displayName;
    if (passwordHash !== undefined) user.passwordHash = passwordHash;
    if (input.platformRole !== undefined) user.platformRole = input.platformRole;
    if (typeof input.disabled === 'boolean') {
      user.disabledAt = input.disabled ? (user.disabledAt ?? new Date()) : null;
    }
    const ended = await endGroundless(em, actor, input, now());
    await commitChange(em, {
      organizationId: null,
      actor,
      action: 'user.update',
      target: { type: 'user', id: user.id, label: user.email },
      ...auditedChange(before, auditedFields(user, auditedNames), {
        sessionsEnded: ended.filter(({ kind }) => kind === 'session').length,
      }),
      resources: [{ kind: 'user', id: user.id }, ...ended],
    });
    return done(user);
  });
}

export interface UserDeletion {
  readonly id: string;
  readonly version: number;
}

/**
 * Deletes a person who is a member of no organization any more: removing a member ends the member's API
 * keys and is written in that organization's audit trail, which a deletion from above would pass by.
 */
export async function deleteUser(
  store: Store,
  actor: Actor,
  input: UserDeletion,
): Promise<Outcome<{ readonly id: string }>> {
  const { id } = input;
  if (!isUuid(id)) return refused(notFound('id', 'user'));
  if (id === actor.id) {
    return refused(violation('id', 'NOT_ALLOWED', 'Nobody can delete themselves.'));
  }
  return store.withPlatform(async (em) => {
    const user = await em.findOne(User, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (user === null) return refused(notFound('id', 'user'));
    if (user.version !== input.version) return refused(versionConflict());
    if ((await em.count(Membership, { userId: id })) > 0) {
      const text = 'Remove the person from every organization first.';
      return refused(violation('id', 'IN_USE', text));
    }
    const revocation = await revokeUser(em, id, 'user_deleted');
    const before = auditedUser(user);
    em.remove(user);
    await commitChange(em, {
      organizationId: null,
      actor,
      action: 'user.delete',
      target: { type: 'user', id, label: user.email },
      ...auditedChange(before, null),
      resources: [{ kind: 'user', id }, revocation],
    });
    return done({ id });
  });
}
