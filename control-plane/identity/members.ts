import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { findPage, type Keyset } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isUuid, normalizeEmail, validateEmail } from '../input/text-rules.ts';
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
import { ApiKey } from '../store/entities/api-key.ts';
import { Membership } from '../store/entities/membership.ts';
import { Organization } from '../store/entities/organization.ts';
import { User } from '../store/entities/user.ts';
import type { Store } from '../store/store.ts';
import type { Actor } from './actor.ts';
import { mayGrant, type Role } from './roles.ts';

/** A person in an organization, as its members see them. */
export interface Member {
  readonly organizationId: string;
  readonly userId: string;
  readonly email: string;
  readonly displayName: string;
  readonly role: Role;
  readonly createdAt: Date;
  readonly version: number;
}

/** Order of the members' connection. */
export const memberOrder: Keyset = {
  keys: [{ property: 'userId', kind: 'uuid' }],
  descending: false,
};

/** Keys of one member that end together with the membership. */
const memberKeysMax = 900;

function asMember(membership: Membership, user: User | undefined): Member {
  return {
    organizationId: membership.organizationId,
    userId: membership.userId,
    email: user?.email ?? '',
    displayName: user?.displayName ?? '',
    role: membership.role,
    createdAt: membership.createdAt,
    version: membership.version,
  };
}

export interface MemberFilterFields {
  readonly role?: Role | null | undefined;
}

export function listMembers(
  store: Store,
  organizationId: string,
  filter: MemberFilterFields,
  page: PageRequest,
): Promise<Page<Member>> {
  return store.withOrganization(organizationId, async (em) => {
    const where = filter.role ? { organizationId, role: filter.role } : { organizationId };
    const memberships = await findPage(em, Membership, where, memberOrder, page);
    const ids = memberships.items.map(({ userId }) => userId);
    const users = await em.find(User, { id: { $in: ids } });
    const byId = new Map(users.map((user) => [user.id, user]));
    return {
      ...memberships,
      items: memberships.items.map((item) => asMember(item, byId.get(item.userId))),
    };
  });
}

/** What a caller may hand out: a role of theirs, or everything for an operator who is no member. */
export interface Granter {
  readonly actor: Actor;
  readonly role: Role;
}

function grantViolations(granter: Granter, role: Role): Violation[] {
  if (mayGrant(granter.role, role)) return [];
  return [violation('role', 'NOT_ALLOWED', 'This role is above the caller’s own.')];
}

export interface NewMember {
  readonly organizationId: string;
  readonly email: string;
  readonly role: Role;
}

/** Takes a person who has an account into an organization. */
export async function addMember(
  store: Store,
  granter: Granter,
  input: NewMember,
): Promise<Outcome<Member>> {
  const { organizationId, role } = input;
  const violations = [...validateEmail('email', input.email), ...grantViolations(granter, role)];
  if (violations.length > 0) return { ok: false, violations };
  // The organization can't see people who are no members yet; the platform can.
  const email = normalizeEmail(input.email);
  const user = await store.withPlatform((em) => em.findOne(User, { email }));
  if (user === null) return refused(notFound('email', 'account'));
  return orTaken({ memberships_pkey: 'email' }, () =>
    store.withOrganization(organizationId, async (em) => {
      if ((await em.count(Organization, { id: organizationId })) === 0) {
        return refused(notFound('organizationId', 'organization'));
      }
      const membership = em.create(Membership, { organizationId, userId: user.id, role });
      await commitChange(em, {
        organizationId,
        actor: granter.actor,
        action: 'member.add',
        target: { type: 'user', id: user.id, label: user.email },
        details: { role },
        resources: [{ kind: 'membership', id: user.id }],
      });
      return done(asMember(membership, user));
    }),
  );
}

export interface MemberVersion {
  readonly organizationId: string;
  readonly userId: string;
  readonly version: number;
}

interface LockedMember {
  readonly membership: Membership;
  readonly user: User | undefined;
  readonly keys: readonly ApiKey[];
}

/** Locks a membership that the caller may change, after the owners, so that the last one stays. */
async function lockMember(
  em: EntityManager,
  granter: Granter,
  input: MemberVersion,
  nextRole: Role | undefined,
): Promise<Outcome<LockedMember>> {
  const { organizationId, userId } = input;
  if (!isUuid(userId)) return refused(notFound('userId', 'member'));
  const lock = { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { userId: 'asc' } } as const;
  const owners = await em.find(Membership, { organizationId, role: 'owner' }, lock);
  const membership = await em.findOne(
    Membership,
    { organizationId, userId },
    { lockMode: LockMode.PESSIMISTIC_WRITE },
  );
  if (membership === null) return refused(notFound('userId', 'member'));
  if (membership.version !== input.version) return refused(versionConflict());
  const violations = grantViolations(granter, membership.role);
  if (violations.length > 0) return { ok: false, violations };
  if (membership.role === 'owner' && nextRole !== 'owner' && owners.length === 1) {
    return refused(violation('userId', 'LAST_OWNER', 'An organization keeps at least one owner.'));
  }
  const keys = await em.find(
    ApiKey,
    { organizationId, subjectUserId: userId },
    { limit: memberKeysMax + 1 },
  );
  if (keys.length > memberKeysMax) {
    return refused(violation('userId', 'IN_USE', 'Delete some of the member’s API keys first.'));
  }
  const user = await em.findOne(User, { id: userId });
  return done({ membership, user: user ?? undefined, keys });
}

/** A membership and the keys that take their roles from it. */
function touched({ membership, keys }: LockedMember): ChangedResource[] {
  return [
    { kind: 'membership', id: membership.userId },
    ...keys.map(({ id }) => ({ kind: 'api_key', id }) as const),
  ];
}

/** Gives a member another role; the member's API keys follow in the same change. */
export async function updateMember(
  store: Store,
  granter: Granter,
  input: MemberVersion & { readonly role: Role },
): Promise<Outcome<Member>> {
  const { organizationId, role } = input;
  const violations = grantViolations(granter, role);
  if (violations.length > 0) return { ok: false, violations };
  return store.withOrganization(organizationId, async (em) => {
    const locked = await lockMember(em, granter, input, role);
    if (!locked.ok) return locked;
    const { membership, user } = locked.value;
    const before = membership.role;
    membership.role = role;
    await commitChange(em, {
      organizationId,
      actor: granter.actor,
      action: 'member.update',
      target: { type: 'user', id: input.userId, ...(user && { label: user.email }) },
      details: { before, role },
      resources: touched(locked.value),
    });
    return done(asMember(membership, user));
  });
}

/** Ends a membership, and the API keys that act for the member, in one change. */
export async function removeMember(
  store: Store,
  granter: Granter,
  input: MemberVersion,
): Promise<Outcome<Member>> {
  const { organizationId, userId } = input;
  return store.withOrganization(organizationId, async (em) => {
    const locked = await lockMember(em, granter, input, undefined);
    if (!locked.ok) return locked;
    const { membership, user, keys } = locked.value;
    await em.nativeDelete(ApiKey, { organizationId, subjectUserId: userId });
    await em.nativeDelete(Membership, { organizationId, userId });
    await commitChange(em, {
      organizationId,
      actor: granter.actor,
      action: 'member.remove',
      target: { type: 'user', id: userId, ...(user && { label: user.email }) },
      details: { role: membership.role, apiKeysEnded: keys.length },
      resources: touched(locked.value),
    });
    return done(asMember(membership, user));
  });
}
