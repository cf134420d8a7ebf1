import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { auditedChange, auditedFields } from '../audit/field-changes.ts';
import { findPage, oldestFirst } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import {
  isUuid,
  normalizeEmail,
  validateEmail,
  validateName,
  validatePassword,
} from '../input/text-rules.ts';
import { orTaken } from '../input/unique-violation.ts';
import { done, notFound, type Outcome, refused, violation } from '../input/violation.ts';
import { commitChange } from '../store/commit-change.ts';
import { Membership } from '../store/entities/membership.ts';
import { OneTimeToken } from '../store/entities/one-time-token.ts';
import { Organization } from '../store/entities/organization.ts';
import { ServiceAccount } from '../store/entities/service-account.ts';
import { User } from '../store/entities/user.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import type { Actor } from './actor.ts';
import {
  chosenRole,
  type GrantedRole,
  type Granter,
  grantedRole,
  grantViolations,
  type RoleChoice,
  readRole,
  referencedRoles,
} from './granted-role.ts';
import type { LoginDependencies } from './login.ts';
import {
  createOneTimeToken,
  lockOneTimeToken,
  type PresentedToken,
  recordSpentToken,
} from './one-time-tokens.ts';
import type { Limited } from './passwords.ts';
import type { Person } from './principal.ts';
import { organizationPermissions } from './roles.ts';
import { auditedUser } from './users.ts';

/** Somebody who may join an organization, as its members see it. */
export interface Invitation {
  readonly id: string;
  readonly organizationId: string;
  readonly email: string;
  readonly role: GrantedRole;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** Invitations of one organization that wait. */
const pendingMax = 1000;

function asInvitation(row: OneTimeToken, role: GrantedRole): Invitation {
  const { id, createdBy, createdAt, expiresAt } = row;
  const organizationId = row.organizationId ?? '';
  return { id, organizationId, email: row.email ?? '', role, createdBy, createdAt, expiresAt };
}

function pending(organizationId: string, nowMs: number) {
  const unspent = { usedAt: null, revokedAt: null, expiresAt: { $gt: new Date(nowMs) } };
  return { purpose: 'invitation', organizationId, ...unspent } as const;
}

/** The invitations of an organization that wait to be accepted. */
export function listInvitations(
  store: Store,
  organizationId: string,
  page: PageRequest,
  nowMs: number,
): Promise<Page<Invitation>> {
  return store.withOrganization(organizationId, async (em) => {
    const rows = await findPage(
      em,
      OneTimeToken,
      pending(organizationId, nowMs),
      oldestFirst,
      page,
    );
    const roles = await referencedRoles(em, organizationId, rows.items);
    return { ...rows, items: rows.items.map((row) => asInvitation(row, grantedRole(row, roles))) };
  });
}

export interface NewInvitation extends RoleChoice {
  readonly organizationId: string;
  readonly email: string;
}

export interface InvitationDependencies {
  readonly store: Store;
  readonly bounds: { readonly invitationLifetimeMs: number };
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

export interface CreatedInvitation {
  readonly invitation: Invitation;
  /** Shown once. */
  readonly token: string;
}

async function isMember(
  em: EntityManager,
  organizationId: string,
  email: string,
): Promise<boolean> {
  // The organization sees the accounts of its members alone.
  const user = await em.findOne(User, { email });
  return user !== null && (await em.count(Membership, { organizationId, userId: user.id })) > 0;
}

/** Whether a new invitation would end one that gives more than who invites has to give. */
async function endsMore(
  em: EntityManager,
  granter: Granter,
  earlier: ReturnType<typeof pending> & { readonly email: string },
): Promise<boolean> {
  const rows = await em.find(OneTimeToken, earlier);
  const roles = await referencedRoles(em, earlier.organizationId, rows);
  return rows.some((row) => grantViolations(granter, 'email', grantedRole(row, roles)).length > 0);
}

/**
 * Invites somebody by e-mail address; whether there is such an account is not looked at, so that nobody
 * learns it. The account is made, if there is none, when the invitation is accepted. An earlier invitation
 * of the same address ends.
 */
export async function inviteMember(
  deps: InvitationDependencies,
  granter: Granter,
  input: NewInvitation,
): Promise<Outcome<CreatedInvitation>> {
  const violations = validateEmail('email', input.email);
  if (violations.length > 0) return { ok: false, violations };
  const organizationId = input.organizationId.toLowerCase();
  const email = normalizeEmail(input.email);
  const nowMs = deps.now();
  return deps.store.withOrganization(organizationId, async (em) => {
    if ((await em.count(Organization, { id: organizationId })) === 0) {
      return refused(notFound('organizationId', 'organization'));
    }
    const chosen = await chosenRole(em, granter, organizationId, input);
    if (!chosen.ok) return chosen;
    if (await isMember(em, organizationId, email)) {
      return refused(violation('email', 'TAKEN', 'This person is a member already.'));
    }
    const waiting = pending(organizationId, nowMs);
    if (await endsMore(em, granter, { ...waiting, email })) {
      const text = 'An invitation of this address waits that allows more than the caller may.';
      return refused(violation('email', 'NOT_ALLOWED', text));
    }
    const ended = { revokedAt: new Date(nowMs) };
    const earlierEnded = await em.nativeUpdate(OneTimeToken, { ...waiting, email }, ended);
    if ((await em.count(OneTimeToken, waiting)) >= pendingMax) {
      const text = `At most ${pendingMax} invitations wait at a time.`;
      return refused(violation('organizationId', 'TOO_MANY', text));
    }
    const { role, customRoleId, name } = chosen.value;
    const { row, token } = createOneTimeToken(
      em,
      { purpose: 'invitation', organizationId, email, role, customRoleId },
      { createdBy: granter.actor.id, nowMs, lifetimeMs: deps.bounds.invitationLifetimeMs },
    );
    await commitChange(em, {
      organizationId,
      actor: granter.actor,
      action: 'invitation.create',
      target: { type: 'invitation', id: row.id, label: email },
      ...auditedChange(null, { email, role: name, expiresAt: row.expiresAt }, { earlierEnded }),
      resources: [],
    });
    return done({ invitation: asInvitation(row, chosen.value), token });
  });
}

/** Takes an invitation back that was not accepted yet. */
export async function revokeInvitation(
  store: Store,
  granter: Granter,
  input: { readonly organizationId: string; readonly id: string },
  nowMs: number,
): Promise<Outcome<Invitation>> {
  const organizationId = input.organizationId.toLowerCase();
  if (!isUuid(input.id)) return refused(notFound('id', 'invitation'));
  return store.withOrganization(organizationId, async (em) => {
    const row = await em.findOne(
      OneTimeToken,
      { ...pending(organizationId, nowMs), id: input.id },
      { lockMode: LockMode.PESSIMISTIC_WRITE },
    );
    if (row === null) return refused(notFound('id', 'invitation'));
    const role = await readRole(em, organizationId, row);
    const violations = grantViolations(granter, 'id', role);
    if (violations.length > 0) return { ok: false, violations };
    const before = auditedFields(row, ['revokedAt']);
    row.revokedAt = new Date(nowMs);
    await commitChange(em, {
      organizationId,
      actor: granter.actor,
      action: 'invitation.revoke',
      target: { type: 'invitation', id: row.id, label: row.email ?? '' },
      ...auditedChange(before, auditedFields(row, ['revokedAt'])),
      resources: [],
    });
    return done(asInvitation(row, role));
  });
}

/** What whoever invited may grant by now; undefined: nothing, because they are gone. */
async function inviterNow(
  em: EntityManager,
  organizationId: string,
  id: string,
): Promise<Granter | undefined> {
  const actor = { kind: 'user', id } as const;
  if (!isUuid(id)) return undefined;
  const user = await em.findOne(User, { id, disabledAt: null });
  const holder =
    (user && (await em.findOne(Membership, { organizationId, userId: id }))) ??
    (await em.findOne(ServiceAccount, { organizationId, id, disabledAt: null }));
  if (holder) {
    const { permissions, role } = await readRole(em, organizationId, holder);
    return { actor, permissions, isOwner: role === 'owner' };
  }
  if (user?.platformRole !== 'operator') return undefined;
  return { actor, permissions: new Set(organizationPermissions), isOwner: true };
}

/** A token that is good, and what it gives. */
interface Acceptable {
  readonly kind: 'good';
  readonly token: OneTimeToken;
  readonly organizationId: string;
  readonly email: string;
  readonly role: GrantedRole;
  /** The account with the invited address. */
  readonly user: User | null;
}

type Presented = Exclude<PresentedToken, { kind: 'good' }> | Acceptable;

/**
 * Locks a presented invitation. It is worth what its inviter may grant now: who was removed leaves nothing
 * behind that lets people in.
 */
async function lockInvitation(
  deps: LoginDependencies,
  em: EntityManager,
  { token: text, clientAddress }: InvitationAcceptance,
): Promise<Presented> {
  const presented = await lockOneTimeToken(em, deps.throttle, {
    ...{ text, clientAddress, nowMs: deps.now() },
    purpose: 'invitation',
  });
  if (presented.kind !== 'good') return presented;
  const { token } = presented;
  const organizationId = token.organizationId ?? '';
  const email = token.email ?? '';
  const role = await readRole(em, organizationId, token);
  const inviter = await inviterNow(em, organizationId, token.createdBy);
  const holds =
    inviter?.permissions.has('members.write') === true &&
    role.name !== '' &&
    grantViolations(inviter, 'role', role).length === 0;
  if (!holds) return { kind: 'spent', token, fault: 'outdated' };
  const user = await em.findOne(User, { email });
  return { kind: 'good', token, organizationId, email, role, user };
}

export interface InvitationAcceptance {
  readonly token: string;
  /** Name and password of the account to be made; left out by who has one. */
  readonly displayName?: string | null | undefined;
  readonly password?: string | null | undefined;
  readonly clientAddress: string;
}

export interface AcceptedInvitation {
  readonly organizationId: string;
  readonly user: User;
}

const badToken = () =>
  refused<never>(
    violation('token', 'NOT_FOUND', 'The token is unknown, or was used, taken back or expired.'),
  );

/** Who accepts: the person who is logged in, or the one whose account is to be made. */
type Accepting =
  | { readonly kind: 'existing'; readonly user: User; readonly actor: Actor }
  | { readonly kind: 'new'; readonly passwordHash: string; readonly displayName: string };

const mismatches = {
  account_needed: 'The invited address has an account: log in and accept the invitation there.',
  account_differs: 'The invitation is for another account.',
} as const;

/** What is wrong with who accepts; undefined: nothing. */
function mismatch(
  { organizationId, email, user }: Acceptable,
  person: Person | undefined,
): keyof typeof mismatches | undefined {
  if (person === undefined) return user === null ? undefined : 'account_needed';
  const reaches = person.organizationId === null || person.organizationId === organizationId;
  return reaches && person.user.email === email ? undefined : 'account_differs';
}

async function join(
  deps: LoginDependencies,
  em: EntityManager,
  { token, organizationId, email, role }: Acceptable,
  accepting: Accepting,
  clientAddress: string,
): Promise<Outcome<AcceptedInvitation>> {
  token.usedAt = new Date(deps.now());
  const user =
    accepting.kind === 'existing'
      ? accepting.user
      : em.create(User, {
          ...{ id: uuidV7(), email, platformRole: null, disabledAt: null },
          displayName: accepting.displayName,
          passwordHash: accepting.passwordHash,
        });
  // Entities know no foreign keys: the parent goes first.
  await em.flush();
  const actor: Actor =
    accepting.kind === 'existing'
      ? accepting.actor
      : { kind: 'user', id: user.id, label: email, clientAddress };
  em.create(Membership, {
    ...{ organizationId, userId: user.id },
    ...{ role: role.role, customRoleId: role.customRoleId },
  });
  const target = { type: 'user', id: user.id, label: email };
  if (accepting.kind === 'new') {
    await commitChange(em, {
      organizationId: null,
      ...{ actor, target },
      action: 'user.create',
      ...auditedChange(null, auditedUser(user), { organizationId }),
      resources: [{ kind: 'user', id: user.id }],
    });
  }
  await commitChange(em, {
    organizationId,
    ...{ actor, target },
    action: 'invitation.accept',
    ...auditedChange(
      null,
      { role: role.name },
      {
        invitationId: token.id,
        invitedBy: token.createdBy,
        accountCreated: accepting.kind === 'new',
      },
    ),
    resources: [{ kind: 'membership', id: user.id }],
  });
  return done({ organizationId, user });
}

/**
 * Joins an organization by a one-time token. Who is logged in joins with that account, if it has the
 * invited address; who is not gets an account with it, unless there is one already.
 * @throws {PasswordWorkExhausted}
 */
export async function acceptInvitation(
  deps: LoginDependencies,
  input: InvitationAcceptance,
  person: Person | undefined,
): Promise<Outcome<AcceptedInvitation> | Limited> {
  const { store, passwords } = deps;
  const { clientAddress } = input;
  const displayName = input.displayName ?? '';
  const password = input.password ?? '';
  const violations =
    person === undefined
      ? [...validateName('displayName', displayName), ...validatePassword('password', password)]
      : [];
  if (violations.length > 0) return { ok: false, violations };
  // Before the password is hashed, so that strangers cause no such work.
  const found = await store.withSystem((em) => lockInvitation(deps, em, input));
  if (found.kind === 'limited') return found;
  if (found.kind === 'unknown') return badToken();
  const isNew = found.kind === 'good' && person === undefined && found.user === null;
  const passwordHash = isNew ? await passwords.hash(password) : undefined;
  const paths = { users_email_key: 'token', memberships_pkey: 'token' };
  return orTaken(paths, () =>
    store.withSystem(async (em) => {
      const locked = await lockInvitation(deps, em, input);
      if (locked.kind === 'spent') await recordSpentToken(em, locked, clientAddress);
      if (locked.kind !== 'good') return badToken();
      const fault = mismatch(locked, person);
      if (fault !== undefined) {
        // Whoever invites has the token too, and learns by it whether there is an account: not unseen.
        await recordSpentToken(em, { token: locked.token, fault }, clientAddress);
        return refused(violation('token', 'NOT_ALLOWED', mismatches[fault]));
      }
      if (locked.user !== null && person !== undefined) {
        const { actor } = person;
        const accepting = { kind: 'existing', user: locked.user, actor } as const;
        return join(deps, em, locked, accepting, clientAddress);
      }
      if (passwordHash === undefined) return badToken();
      return join(deps, em, locked, { kind: 'new', passwordHash, displayName }, clientAddress);
    }),
  );
}
