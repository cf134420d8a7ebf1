/** Roles in an organization, from the most to the least powerful. */
export const roles = ['owner', 'admin', 'developer', 'auditor', 'agent'] as const;
export type Role = (typeof roles)[number];

/** What a role may do in its organization. */
export const organizationPermissions = [
  'organization.read',
  'organization.update',
  'organization.delete',
  'members.read',
  'members.write',
  'roles.read',
  'roles.write',
  'serviceAccounts.read',
  'serviceAccounts.write',
  'apiKeys.read',
  'apiKeys.write',
  'issuers.read',
  'issuers.write',
  'revocations.read',
  'revocations.write',
  'servers.call',
  'servers.read',
  'servers.write',
  'tools.read',
  'tools.write',
  'policies.read',
  'policies.write',
  'requestLogs.read',
  'audit.read',
] as const;
export type OrganizationPermission = (typeof organizationPermissions)[number];

const everything: ReadonlySet<OrganizationPermission> = new Set(organizationPermissions);

/** The permissions of each role. What is not listed is denied. */
export const rolePermissions: Readonly<Record<Role, ReadonlySet<OrganizationPermission>>> = {
  owner: everything,
  admin: new Set(
    organizationPermissions.filter((permission) => permission !== 'organization.delete'),
  ),
  developer: new Set([
    'organization.read',
    'roles.read',
    'serviceAccounts.read',
    'servers.call',
    'apiKeys.read',
    'apiKeys.write',
    'servers.read',
    'servers.write',
    'tools.read',
    'policies.read',
    'requestLogs.read',
  ]),
  auditor: new Set([
    'organization.read',
    'members.read',
    'roles.read',
    'serviceAccounts.read',
    'apiKeys.read',
    'issuers.read',
    'revocations.read',
    'servers.read',
    'tools.read',
    'policies.read',
    'requestLogs.read',
    'audit.read',
  ]),
  agent: new Set(['organization.read', 'servers.call']),
};

/**
 * What a platform operator may do in any organization without being a member: keep it running, but not
 * read its calls, its audit trail or its servers. An operator who needs more adds a membership, which
 * the organization's audit trail shows.
 */
export const operatorPermissions: ReadonlySet<OrganizationPermission> = new Set([
  'organization.read',
  'organization.update',
  'organization.delete',
  'members.read',
  'members.write',
]);

/** What somebody may do in one organization. */
export type Permissions = ReadonlySet<OrganizationPermission>;

const known: ReadonlySet<string> = everything;

export function isPermission(text: string): text is OrganizationPermission {
  return known.has(text);
}

/** Permissions that change nothing, the only ones of a read-only credential. */
export function readingPermissions(permissions: Permissions): Permissions {
  return new Set([...permissions].filter((permission) => permission.endsWith('.read')));
}

/** True when who has `held` has everything of `wanted`. */
export function covers(held: Permissions, wanted: Permissions): boolean {
  for (const permission of wanted) if (!held.has(permission)) return false;
  return true;
}
