import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { IDToken } from 'oauth4webapi';
import { claimedRole } from '../../../common/claimed-role.ts';
import { type AuditedChange, auditedChange } from '../../audit/field-changes.ts';
import {
  isStorableText,
  normalizeEmail,
  textBounds,
  validateEmail,
} from '../../input/text-rules.ts';
import type { ChangedResource } from '../../store/changed-resource.ts';
import { ApiKey } from '../../store/entities/api-key.ts';
import type { Issuer } from '../../store/entities/issuer.ts';
import { Membership } from '../../store/entities/membership.ts';
import { User } from '../../store/entities/user.ts';
import { UserIdentity } from '../../store/entities/user-identity.ts';
import { uuidV7 } from '../../store/uuid-v7.ts';
import { type GrantedRole, readRole } from '../granted-role.ts';
import { mappableRoles } from '../issuers/mapped-roles.ts';
import { revokeMember } from '../revocations.ts';
import { covers } from '../roles.ts';

/** Why somebody whom the issuer vouches for does not get in, for the audit trail. */
export type AdmissionFailure =
  | 'subject_unusable'
  /** The claims give no role. */
  | 'role_missing'
  /** They give one that the organization does not have. */
  | 'role_unknown'
  | 'email_unverified'
  | 'account_disabled'
  | 'role_above_issuer'
  | 'keys_too_many';

/** Somebody who gets in, and what changed for it. */
export interface Admitted {
  readonly ok: true;
  readonly user: User;
  readonly resources: readonly ChangedResource[];
  /** Whether the account was made for it. */
  readonly isNew: boolean;
  /** For the audit entry of the log-in. */
  readonly audited: AuditedChange;
}

export type Admission =
  | Admitted
  | { readonly ok: false; readonly failure: AdmissionFailure; readonly user: User | null };

const subjectLengthMax = 255;
/** Keys of one member that change with the membership, in one change. */
const memberKeysMax = 900;

function isUsableSubject(subject: string): boolean {
  return subject.length >= 1 && subject.length <= subjectLengthMax && isStorableText(subject);
}

/** An address that the issuer says it has checked; anybody could claim another. */
function verifiedEmail({ email, email_verified: isVerified }: IDToken): string | undefined {
  if (typeof email !== 'string' || isVerified !== true) return undefined;
  return validateEmail('email', email).length === 0 ? normalizeEmail(email) : undefined;
}

function displayName({ name }: IDToken, email: string): string {
  const usable = typeof name === 'string' && name.trim() !== '' && isStorableText(name);
  return (usable ? name : email).slice(0, textBounds.nameLengthMax).toWellFormed();
}

interface Found {
  readonly user: User;
  readonly isNew: boolean;
  readonly isLinked: boolean;
}

/** Whom a subject is: who it was before, or who has its verified address, or somebody new. */
async function findPerson(
  em: EntityManager,
  { organizationId, id: issuerId }: Issuer,
  claims: IDToken,
  now: Date,
): Promise<Found | undefined> {
  const key = { organizationId, issuerId, subject: claims.sub };
  const identity = await em.findOne(UserIdentity, key);
  if (identity !== null) {
    identity.lastLoginAt = now;
    const user = await em.findOneOrFail(User, { id: identity.userId });
    return { user, isNew: false, isLinked: false };
  }
  const email = verifiedEmail(claims);
  if (email === undefined) return undefined;
  const known = await em.findOne(User, { email });
  const user =
    known ??
    em.create(User, {
      id: uuidV7(),
      email,
      displayName: displayName(claims, email),
      passwordHash: null,
      platformRole: null,
      disabledAt: null,
    });
  await em.flush();
  em.create(UserIdentity, { ...key, userId: user.id, createdAt: now, lastLoginAt: now });
  await em.flush();
  return { user, isNew: known === null, isLinked: known !== null };
}

async function mappedRole(
  em: EntityManager,
  { organizationId, roleClaim, roleMappings, defaultRole }: Issuer,
  claims: IDToken,
): Promise<GrantedRole | 'role_missing' | 'role_unknown'> {
  const rule = { roleClaim, roleMappings, defaultRole: defaultRole ?? undefined };
  const name = claimedRole(claims, rule);
  if (name === undefined) return 'role_missing';
  return (await mappableRoles(em, organizationId, [name])).get(name) ?? 'role_unknown';
}

type Membered =
  | {
      readonly ok: true;
      readonly resources: readonly ChangedResource[];
      /** The role before and after; undefined: nothing changed. */
      readonly change: AuditedChange | undefined;
    }
  | { readonly ok: false; readonly failure: 'role_above_issuer' | 'keys_too_many' };

/**
 * Makes a member of a person, or gives a member who came through this issuer the role that it says now. A
 * role that was given by hand stays; it must not be above what the issuer gives, or whoever controls the
 * issuer could act as an owner.
 */
async function makeMember(
  em: EntityManager,
  { organizationId, id: issuerId }: Issuer,
  userId: string,
  role: GrantedRole,
): Promise<Membered> {
  const reference = { role: role.role, customRoleId: role.customRoleId };
  const member = await em.findOne(
    Membership,
    { organizationId, userId },
    { lockMode: LockMode.PESSIMISTIC_WRITE },
  );
  if (member === null) {
    em.create(Membership, { organizationId, userId, ...reference, issuerId });
    const change = auditedChange(null, { role: role.name }, { memberAdded: true });
    return { ok: true, resources: [{ kind: 'membership', id: userId }], change };
  }
  const held = await readRole(em, organizationId, member);
  if (held.role === 'owner') return { ok: false, failure: 'role_above_issuer' };
  if (member.issuerId !== issuerId) {
    const within = covers(role.permissions, held.permissions);
    if (!within) return { ok: false, failure: 'role_above_issuer' };
    return { ok: true, resources: [], change: undefined };
  }
  if (held.role === role.role && held.customRoleId === role.customRoleId) {
    return { ok: true, resources: [], change: undefined };
  }
  const keys = await em.find(
    ApiKey,
    { organizationId, subjectUserId: userId },
    { limit: memberKeysMax + 1 },
  );
  if (keys.length > memberKeysMax) return { ok: false, failure: 'keys_too_many' };
  em.assign(member, reference);
  const revocation = await revokeMember(em, { organizationId, userId }, 'role_changed');
  return {
    ok: true,
    resources: [
      { kind: 'membership', id: userId },
      ...keys.map(({ id }): ChangedResource => ({ kind: 'api_key', id })),
      revocation,
    ],
    change: auditedChange({ role: held.name }, { role: role.name }),
  };
}

/**
 * Decides whether somebody whom an issuer vouches for gets in, and as what. Runs in a transaction of the
 * system role, which the caller rolls back when it ends in a failure.
 */
export async function admitPerson(
  em: EntityManager,
  issuer: Issuer,
  claims: IDToken,
  now: Date,
): Promise<Admission> {
  if (!isUsableSubject(claims.sub)) return { ok: false, failure: 'subject_unusable', user: null };
  const role = await mappedRole(em, issuer, claims);
  if (typeof role === 'string') return { ok: false, failure: role, user: null };
  const found = await findPerson(em, issuer, claims, now);
  if (found === undefined) return { ok: false, failure: 'email_unverified', user: null };
  // Held until the session stands: an account that is being disabled opens none.
  const user = await em.findOne(
    User,
    { id: found.user.id },
    { lockMode: LockMode.PESSIMISTIC_READ, refresh: true },
  );
  if (user === null || user.disabledAt !== null) {
    return { ok: false, failure: 'account_disabled', user };
  }
  const membered = await makeMember(em, issuer, user.id, role);
  if (!membered.ok) return { ...membered, user };
  const { resources, change } = membered;
  const { isNew, isLinked } = found;
  const details = {
    ...change?.details,
    ...(isNew && { userCreated: true }),
    ...(isLinked && { userLinkedByEmail: true }),
  };
  return { ok: true, user, isNew, resources, audited: { ...change, details } };
}
