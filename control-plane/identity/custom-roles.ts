import type { EntityManager } from '@mikro-orm/postgresql';
import { type AuditedFields, auditedChange, auditedFields } from '../audit/field-changes.ts';
import { findPage, oldestFirst } from '../input/find-page.ts';
import { type LockStrength, lockVersion } from '../input/lock-version.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isUuid, validateDescription, validateSlug } from '../input/text-rules.ts';
import { orTaken } from '../input/unique-violation.ts';
import { done, type Outcome, refused, type Violation, violation } from '../input/violation.ts';
import type { ChangedResource } from '../store/changed-resource.ts';
import { commitChange } from '../store/commit-change.ts';
import { CustomRole } from '../store/entities/custom-role.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import { customGrantedRole, type Granter, grantViolations } from './granted-role.ts';
import { revokeRole } from './revocations.ts';
import { isPermission, type OrganizationPermission, roles } from './roles.ts';

/** Custom roles of one organization. */
const rolesMax = 100;

export function listCustomRoles(
  store: Store,
  organizationId: string,
  page: PageRequest,
): Promise<Page<CustomRole>> {
  return store.withOrganization(organizationId, (em) =>
    findPage(em, CustomRole, { organizationId }, oldestFirst, page),
  );
}

export async function findCustomRole(
  store: Store,
  organizationId: string,
  id: string,
): Promise<CustomRole | null> {
  if (!isUuid(id)) return null;
  return store.withOrganization(organizationId, (em) =>
    em.findOne(CustomRole, { organizationId, id }),
  );
}

interface RoleFields {
  readonly name: string;
  readonly description: string;
  readonly permissions: readonly OrganizationPermission[];
}

function validateName(name: string): Violation[] {
  const builtIn: readonly string[] = roles;
  if (!builtIn.includes(name)) return validateSlug('name', name);
  return [violation('name', 'TAKEN', 'A built-in role has this name.')];
}

function validatePermissions(granter: Granter, wanted: RoleFields['permissions']): Violation[] {
  if (wanted.length === 0) {
    return [violation('permissions', 'REQUIRED', 'A role allows at least one thing.')];
  }
  return wanted.flatMap((permission, index) => {
    const path = `permissions.${index}`;
    if (wanted.indexOf(permission) !== index) {
      return [violation(path, 'DUPLICATE', 'The permission stands in the list already.')];
    }
    if (granter.permissions.has(permission)) return [];
    return [violation(path, 'NOT_ALLOWED', 'The caller does not have this permission.')];
  });
}

function validateRole(granter: Granter, fields: RoleFields): Violation[] {
  return [
    ...validateName(fields.name),
    ...validateDescription('description', fields.description),
    ...validatePermissions(granter, fields.permissions),
  ];
}

function audited(role: CustomRole): AuditedFields {
  return auditedFields(role, ['name', 'description', 'permissions']);
}

async function commitRole(
  em: EntityManager,
  granter: Granter,
  action: 'create' | 'update' | 'delete',
  role: CustomRole,
  before: AuditedFields | null,
  ended: readonly ChangedResource[] = [],
): Promise<void> {
  await commitChange(em, {
    organizationId: role.organizationId,
    actor: granter.actor,
    action: `custom_role.${action}`,
    target: { type: 'custom_role', id: role.id, label: role.name },
    ...auditedChange(before, action === 'delete' ? null : audited(role)),
    resources: [{ kind: 'custom_role', id: role.id }, ...ended],
  });
}

const taken = { custom_roles_organization_id_name_key: 'name' };

export interface NewCustomRole {
  readonly organizationId: string;
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly permissions: readonly OrganizationPermission[];
}

/** Makes a role of permissions that the caller has. */
export async function createCustomRole(
  store: Store,
  granter: Granter,
  input: NewCustomRole,
): Promise<Outcome<CustomRole>> {
  const { organizationId, name, permissions } = input;
  const description = input.description ?? '';
  const violations = validateRole(granter, { name, description, permissions });
  if (violations.length > 0) return { ok: false, violations };
  return orTaken(taken, () =>
    store.withOrganization(organizationId, async (em) => {
      if ((await em.count(CustomRole, { organizationId })) >= rolesMax) {
        const text = `An organization has at most ${rolesMax} custom roles.`;
        return refused(violation('organizationId', 'TOO_MANY', text));
      }
      const role = em.create(CustomRole, {
        ...{ organizationId, name, description },
        id: uuidV7(),
        permissions: [...permissions],
      });
      await commitRole(em, granter, 'create', role, null);
      return done(role);
    }),
  );
}

export interface CustomRoleVersion {
  readonly organizationId: string;
  readonly id: string;
  readonly version: number;
}

/**
 * Locks a role that allows no more than the caller may. Whoever has it has nothing else here, so that
 * nobody is changed by somebody who may do less.
 * @param strength `update` keeps everybody from being given the role meanwhile; a change need not.
 */
async function lockRole(
  em: EntityManager,
  granter: Granter,
  input: CustomRoleVersion,
  strength: LockStrength,
): Promise<Outcome<CustomRole>> {
  const locked = await lockVersion(em, CustomRole, input, 'role', strength);
  if (!locked.ok) return locked;
  const violations = grantViolations(granter, 'id', customGrantedRole(locked.value));
  return violations.length > 0 ? { ok: false, violations } : locked;
}

export interface CustomRoleChanges extends CustomRoleVersion {
  readonly name?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly permissions?: readonly OrganizationPermission[] | null | undefined;
}

/** Whether a role has the name and the permissions that it had. */
function saysTheSame(before: AuditedFields, role: CustomRole): boolean {
  const texts = [role.name, ...role.permissions];
  return JSON.stringify(texts) === JSON.stringify([before['name'], before['permissions']].flat());
}

/**
 * Changes a role; it holds from the next request of everybody who has it. What is undefined or null stays.
 * Issuers name a role by its name: one that they give keeps it.
 */
export async function updateCustomRole(
  store: Store,
  granter: Granter,
  input: CustomRoleChanges,
): Promise<Outcome<CustomRole>> {
  return orTaken(taken, () =>
    store.withOrganization(input.organizationId, async (em) => {
      const locked = await lockRole(em, granter, input, 'no key update');
      if (!locked.ok) return locked;
      const role = locked.value;
      const fields = {
        name: input.name ?? role.name,
        description: input.description ?? role.description,
        permissions: [...(input.permissions ?? role.permissions.filter(isPermission))],
      };
      const violations = validateRole(granter, fields);
      if (violations.length > 0) return { ok: false, violations };
      if (fields.name !== role.name && (await isMapped(em, role))) {
        const text = 'An issuer gives this role by its name: change the issuer first.';
        return refused(violation('name', 'IN_USE', text));
      }
      const before = audited(role);
      em.assign(role, fields);
      // Tokens name their holder's role, and were issued by what it allowed.
      const ended = saysTheSame(before, role) ? [] : [await revokeRole(em, role)];
      await commitRole(em, granter, 'update', role, before, ended);
      return done(role);
    }),
  );
}

const held = `
select exists (select from memberships where organization_id = ? and custom_role_id = ?)
  or exists (select from service_accounts where organization_id = ? and custom_role_id = ?)
  or exists (select from one_time_tokens where organization_id = ? and custom_role_id = ?
    and used_at is null and revoked_at is null and expires_at > now()) as used`;

const mapped = `
select exists (select from issuers where organization_id = ? and (default_role = ?
  or role_mappings @> jsonb_build_array(jsonb_build_object('role', ?::text)))) as used`;

/** Whether an issuer gives a role. */
async function isMapped(em: EntityManager, { organizationId, name }: CustomRole): Promise<boolean> {
  const [found] = await em.execute<{ used: boolean }[]>(mapped, [organizationId, name, name]);
  return found?.used === true;
}

/** Whether somebody still has a role, or is to get it. The role's row is locked. */
async function isInUse(em: EntityManager, role: CustomRole): Promise<boolean> {
  const values = [role.organizationId, role.id];
  const [found] = await em.execute<{ used: boolean }[]>(held, [...values, ...values, ...values]);
  return found?.used === true || isMapped(em, role);
}

/** Deletes a role that nobody has any more. */
export async function deleteCustomRole(
  store: Store,
  granter: Granter,
  input: CustomRoleVersion,
): Promise<Outcome<CustomRole>> {
  return store.withOrganization(input.organizationId, async (em) => {
    const locked = await lockRole(em, granter, input, 'update');
    if (!locked.ok) return locked;
    if (await isInUse(em, locked.value)) {
      const text = 'Members, service accounts, invitations or issuers still have this role.';
      return refused(violation('id', 'IN_USE', text));
    }
    const before = audited(locked.value);
    em.remove(locked.value);
    await commitRole(em, granter, 'delete', locked.value, before);
    return locked;
  });
}
