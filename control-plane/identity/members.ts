import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { auditedChange } from '../audit/field-changes.ts';
import { findPage, type Keyset } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isUuid, normalizeEmail, validateEmail } from '../input/text-rules.ts';
import { orTaken } from '../input/unique-violation.ts';
import {
  done,
  notFound,
  type Outcome,
  refused,
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
import { revokeMember } from './revocations.ts';
import type { Role } from './roles.ts';

/** A person in an organization, as its members see them. */
export interface Member {
  readonly organizationId: string;
  readonly userId: string;
  readonly email: string;
  readonly displayName: string;
  readonly role: GrantedRole;
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

function asMember(membership: Membership, role: GrantedRole, user: User | undefined): Member {
  return {
    organizationId: membership.organizationId,
    userId: membership.userId,
    email: user?.email ?? '',
    displayName: user?.displayName ?? '',
    role,
    createdAt: membership.createdAt,
    version: membership.version,
  };
}

export interface MemberFilterFields {
  readonly role?: Role | null | undefined;
  readonly customRoleId?: string | null | undefined;
}

function where(organizationId: string, { role, customRoleId }: MemberFilterFields): object {
  const custom = customRoleId && isUuid(customRoleId) ? { customRoleId } : { userId: [] };
  return {
    organizationId,
    ...(role && { role }),
    // An id that is none matches nobody.
    ...(customRoleId && custom),
  };
}

export function listMembers(
  store: Store,
  organizationId: string,
  filter: MemberFilterFields,
  page: PageRequest,
): Promise<Page<Member>> {
  return store.withOrganization(organizationId, async (em) => {
    const condition = where(organizationId, filter);
    const memberships = await findPage(em, Membership, condition, memberOrder, page);
    const customRoles = await referencedRoles(em, organizationId, memberships.items);
    const ids = memberships.items.map(({ userId }) => userId);
    const users = await em.find(User, { id: { $in: ids } });
    const byId = new Map(users.map((user) => [user.id, user]));
    return {
      ...memberships,
      items: memberships.items.map((item) =>
        asMember(item, grantedRole(item, customRoles), byId.get(item.userId)),
      ),
    };
  });
}

export interface NewMember extends RoleChoice {
  readonly organizationId: string;
  readonly email: string;
}

/**
 * Takes a person who has an account into an organization. For operators: the answer says whether there is such
 * an account, which an organization may not learn of people who are no members.
 */
export async function addMember(
  store: Store,
  granter: Granter,
  input: NewMember,
): Promise<Outcome<Member>> {
  const { organizationId } = input;
  const violations = validateEmail('email', input.email);
  if (violations.length > 0) return { ok: false, violations };
  const email = normalizeEmail(input.email);
  const user = await store.withPlatform((em) => em.findOne(User, { email }));
  if (user === null) return refused(notFound('email', 'account'));
  return orTaken({ memberships_pkey: 'email' }, () =>
    store.withOrganization(organizationId, async (em) => {
      if ((await em.count(Organization, { id: organizationId })) === 0) {
        return refused(notFound('organizationId', 'organization'));
      }
      const chosen = await chosenRole(em, granter, organizationId, input);
      if (!chosen.ok) return chosen;
      const { name, role, customRoleId } = chosen.value;
      const membership = em.create(Membership, {
        organizationId,
        userId: user.id,
        role,
        customRoleId,
      });
      await commitChange(em, {
        organizationId,
        actor: granter.actor,
        action: 'member.add',
        target: { type: 'user', id: user.id, label: user.email },
        ...auditedChange(null, { role: name }),
        resources: [{ kind: 'membership', id: user.id }],
      });
      return done(asMember(membership, chosen.value, user));
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
  readonly role: GrantedRole;
  readonly user: User | undefined;
  readonly keys: readonly ApiKey[];
}

/** Locks a membership that the caller may change, after the owners, so that the last one stays. */
async function lockMember(
  em: EntityManager,
  granter: Granter,
  input: MemberVersion,
  next: GrantedRole | undefined,
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
  const role = await readRole(em, organizationId, membership);
  const violations = grantViolations(granter, 'userId', role);
  if (violations.length > 0) return { ok: false, violations };
  if (membership.role === 'owner' && next?.role !== 'owner' && owners.length === 1) {
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
  return done({ membership, role, user: user ?? undefined, keys });
}

/** A membership and the keys that take their roles from it. */
function touched({ membership, keys }: LockedMember): ChangedResource[] {
  return [
    { kind: 'membership', id: membership.userId },
    ...keys.map(({ id }) => ({ kind: 'api_key', id }) as const),
  ];
}

/**
 * Gives a member another role; the member's API keys and access tokens follow in the same change. Owners log in
 * by password: no issuer vouches for them.
 */
export async function updateMember(
  store: Store,
  granter: Granter,
  input: MemberVersion & RoleChoice,
): Promise<Outcome<Member>> {
  const { organizationId } = input;
  return store.withOrganization(organizationId, async (em) => {
    const chosen = await chosenRole(em, granter, organizationId, input);
    if (!chosen.ok) return chosen;
    const locked = await lockMember(em, granter, input, chosen.value);
    if (!locked.ok) return locked;
    const { membership, role: before, user } = locked.value;
    const { role, customRoleId, name } = chosen.value;
    if (role === 'owner' && membership.issuerId) {
      const text =
        'Who came through an issuer can’t be an owner: remove the member and invite them.';
      return refused(violation('role', 'NOT_ALLOWED', text));
    }
    em.assign(membership, { role, customRoleId });
    const revocation = await revokeMember(em, input, 'role_changed');
    await commitChange(em, {
      organizationId,
      actor: granter.actor,
      action: 'member.update',
      target: { type: 'user', id: input.userId, ...(user && { label: user.email }) },
      ...auditedChange({ role: before.name }, { role: name }),
      resources: [...touched(locked.value), revocation],
    });
    return done(asMember(membership, chosen.value, user));
  });
}

/** Ends a membership, and the API keys and access tokens that act for the member, in one change. */
export async function removeMember(
  store: Store,
  granter: Granter,
  input: MemberVersion,
): Promise<Outcome<Member>> {
  const { organizationId, userId } = input;
  return store.withOrganization(organizationId, async (em) => {
    const locked = await lockMember(em, granter, input, undefined);
    if (!locked.ok) return locked;
    const { membership, role, user, keys } = locked.value;
    const revocation = await revokeMember(em, input, 'member_removed');
    await em.nativeDelete(ApiKey, { organizationId, subjectUserId: userId });
    await em.nativeDelete(Membership, { organizationId, userId });
    await commitChange(em, {
      organizationId,
      actor: granter.actor,
      action: 'member.remove',
      target: { type: 'user', id: userId, ...(user && { label: user.email }) },
      ...auditedChange({ role: role.name }, null, { apiKeysEnded: keys.length }),
      resources: [...touched(locked.value), revocation],
    });
    return done(asMember(membership, role, user));
  });
}
