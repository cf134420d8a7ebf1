import type { EntityManager } from '@mikro-orm/postgresql';
import { type Violation, violation } from '../../input/violation.ts';
import { CustomRole } from '../../store/entities/custom-role.ts';
import {
  builtInRole,
  customGrantedRole,
  type GrantedRole,
  type Granter,
  grantViolations,
} from '../granted-role.ts';
import { type Role, roles } from '../roles.ts';
import type { IssuerFields } from './issuer-validation.ts';

function isBuiltIn(name: string): name is Role {
  return (roles as readonly string[]).includes(name);
}

/** The roles of an organization that some names mean. Owner is none of them: no issuer makes owners. */
export async function mappableRoles(
  em: EntityManager,
  organizationId: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, GrantedRole>> {
  const builtIn = names.filter(isBuiltIn).filter((name) => name !== 'owner');
  const customNames = names.filter((name) => !isBuiltIn(name));
  const custom =
    customNames.length === 0
      ? []
      : await em.find(CustomRole, { organizationId, name: { $in: customNames } });
  return new Map<string, GrantedRole>([
    ...builtIn.map((name): [string, GrantedRole] => [name, builtInRole(name)]),
    ...custom.map((role): [string, GrantedRole] => [role.name, customGrantedRole(role)]),
  ]);
}

/**
 * What is wrong with the roles that an issuer gives. Whoever writes an issuer decides whom it vouches for, so
 * that they have to have everything that it gives, also where they change something else.
 */
export async function mappedRoleViolations(
  em: EntityManager,
  organizationId: string,
  granter: Granter,
  fields: Pick<IssuerFields, 'roleMappings' | 'defaultRole'>,
): Promise<Violation[]> {
  const named = fields.roleMappings.map(({ role }, index) => ({
    role,
    path: `roleMappings.${index}.role`,
  }));
  if (fields.defaultRole !== null) named.push({ role: fields.defaultRole, path: 'defaultRole' });
  const known = await mappableRoles(
    em,
    organizationId,
    named.map(({ role }) => role),
  );
  return named.flatMap(({ role, path }) => {
    const granted = known.get(role);
    if (granted === undefined) {
      const text = 'A role of the organization is needed; owners are not made by issuers.';
      return [violation(path, 'NOT_FOUND', text)];
    }
    if (path === 'defaultRole' && granted.role === null) {
      return [violation(path, 'NOT_ALLOWED', 'The default is a built-in role.')];
    }
    return grantViolations(granter, path, granted);
  });
}
