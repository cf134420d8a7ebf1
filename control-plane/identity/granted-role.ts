import type { EntityManager } from '@mikro-orm/postgresql';
import { isUuid } from '../input/text-rules.ts';
import {
  done,
  notFound,
  type Outcome,
  refused,
  type Violation,
  violation,
} from '../input/violation.ts';
import { CustomRole } from '../store/entities/custom-role.ts';
import type { Actor } from './actor.ts';
import { covers, isPermission, type Permissions, type Role, rolePermissions } from './roles.ts';

/** A role that somebody has: a built-in one, or one of the organization's own. */
export interface GrantedRole {
  readonly role: Role | null;
  readonly customRoleId: string | null;
  /** Name by which policies, audit trail and nodes know it. */
  readonly name: string;
  readonly permissions: Permissions;
}

/** How memberships and service accounts hold a role: exactly one of the two is set. */
export interface RoleReference {
  readonly role: Role | null;
  readonly customRoleId: string | null;
}

export function builtInRole(role: Role): GrantedRole {
  return { role, customRoleId: null, name: role, permissions: rolePermissions[role] };
}

export function customGrantedRole({
  id,
  name,
  permissions,
}: Pick<CustomRole, 'id' | 'name' | 'permissions'>): GrantedRole {
  // Another version may have written a permission that this one does not know: it allows nothing here.
  return {
    role: null,
    customRoleId: id,
    name,
    permissions: new Set(permissions.filter(isPermission)),
  };
}

/** Nobody has it: stands for a role that can't be read. */
const noRole: GrantedRole = { role: null, customRoleId: null, name: '', permissions: new Set() };

/** The role that a reference means, given the custom roles that may be meant. */
export function grantedRole(
  reference: RoleReference,
  customRoles: readonly CustomRole[],
): GrantedRole {
  if (reference.role !== null) return builtInRole(reference.role);
  const found = customRoles.find(({ id }) => id === reference.customRoleId);
  return found === undefined ? noRole : customGrantedRole(found);
}

/** Reads the custom roles that some references of one organization name. */
export async function referencedRoles(
  em: EntityManager,
  organizationId: string,
  references: readonly RoleReference[],
): Promise<CustomRole[]> {
  const ids = new Set(references.flatMap(({ customRoleId }) => customRoleId ?? []));
  if (ids.size === 0) return [];
  return em.find(CustomRole, { organizationId, id: { $in: [...ids] } });
}

/** The role that one reference of an organization means. */
export async function readRole(
  em: EntityManager,
  organizationId: string,
  reference: RoleReference,
): Promise<GrantedRole> {
  return grantedRole(reference, await referencedRoles(em, organizationId, [reference]));
}

/** What a caller may hand out, edit and take away. */
export interface Granter {
  readonly actor: Actor;
  readonly permissions: Permissions;
  /** Owners alone make owners, and change them. */
  readonly isOwner: boolean;
}

/** Nobody gives, changes or takes away more than they have. */
export function grantViolations(granter: Granter, path: string, role: GrantedRole): Violation[] {
  const within = covers(granter.permissions, role.permissions);
  if (within && (role.role !== 'owner' || granter.isOwner)) return [];
  return [violation(path, 'NOT_ALLOWED', 'This role allows more than the caller’s own.')];
}

/** A role as an input names it. */
export interface RoleChoice {
  readonly role?: Role | null | undefined;
  readonly customRoleId?: string | null | undefined;
}

/** The role that an input names, if the caller may hand it out. */
export async function chosenRole(
  em: EntityManager,
  granter: Granter,
  organizationId: string,
  { role, customRoleId }: RoleChoice,
): Promise<Outcome<GrantedRole>> {
  if (role && customRoleId) {
    return refused(violation('role', 'NOT_ALLOWED', 'Give a built-in role or a custom one.'));
  }
  if (role) return ifGrantable(granter, 'role', builtInRole(role));
  if (!customRoleId) return refused(violation('role', 'REQUIRED', 'A role is needed.'));
  if (!isUuid(customRoleId)) return refused(notFound('customRoleId', 'role'));
  const custom = await em.findOne(CustomRole, { organizationId, id: customRoleId });
  if (custom === null) return refused(notFound('customRoleId', 'role'));
  return ifGrantable(granter, 'customRoleId', customGrantedRole(custom));
}

function ifGrantable(granter: Granter, path: string, role: GrantedRole): Outcome<GrantedRole> {
  const violations = grantViolations(granter, path, role);
  return violations.length > 0 ? { ok: false, violations } : done(role);
}
