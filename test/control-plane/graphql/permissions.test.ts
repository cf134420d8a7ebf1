import { describe, expect, test } from '@jest/globals';
import { isObjectType } from 'graphql';
import { judge } from '../../../control-plane/graphql/authorize/guard-schema.ts';
import { guardedTypes, permissions } from '../../../control-plane/graphql/authorize/permissions.ts';
import { buildGraphqlSchema } from '../../../control-plane/graphql/schema.ts';
import {
  operatorPermissions,
  organizationPermissions,
  type Role,
  rolePermissions,
  roles,
} from '../../../control-plane/identity/roles.ts';

const organizationId = '01900000-0000-7000-8000-000000000001';
const elsewhere = '01900000-0000-7000-8000-000000000002';

/** The table once more, as people think of it: rows that a change must not alter by accident. */
const expected: Record<(typeof organizationPermissions)[number], readonly Role[]> = {
  'organization.read': ['owner', 'admin', 'developer', 'auditor', 'agent'],
  'organization.update': ['owner', 'admin'],
  'organization.delete': ['owner'],
  'members.read': ['owner', 'admin', 'auditor'],
  'members.write': ['owner', 'admin'],
  'roles.read': ['owner', 'admin', 'developer', 'auditor'],
  'roles.write': ['owner', 'admin'],
  'serviceAccounts.read': ['owner', 'admin', 'developer', 'auditor'],
  'serviceAccounts.write': ['owner', 'admin'],
  'issuers.read': ['owner', 'admin', 'auditor'],
  'issuers.write': ['owner', 'admin'],
  'revocations.read': ['owner', 'admin', 'auditor'],
  'revocations.write': ['owner', 'admin'],
  'servers.call': ['owner', 'admin', 'developer', 'agent'],
  'apiKeys.read': ['owner', 'admin', 'developer', 'auditor'],
  'apiKeys.write': ['owner', 'admin', 'developer'],
  'servers.read': ['owner', 'admin', 'developer', 'auditor'],
  'servers.write': ['owner', 'admin', 'developer'],
  'tools.read': ['owner', 'admin', 'developer', 'auditor'],
  'tools.write': ['owner', 'admin'],
  'policies.read': ['owner', 'admin', 'developer', 'auditor'],
  'policies.write': ['owner', 'admin'],
  'requestLogs.read': ['owner', 'admin', 'developer', 'auditor'],
  'audit.read': ['owner', 'admin', 'auditor'],
};

function caller(role: Role | undefined, isOperator = false) {
  return {
    isOperator,
    permissionsIn: (id: string) =>
      role !== undefined && id === organizationId ? rolePermissions[role] : undefined,
  };
}

describe('the table of permissions', () => {
  test('has a row for every root field and every field of a guarded type, and no other', () => {
    const schema = buildGraphqlSchema();
    const fields = ['Query', 'Mutation', 'Subscription', ...guardedTypes].flatMap((name) => {
      const type = schema.getType(name);
      if (!isObjectType(type)) throw new Error(name);
      return Object.keys(type.getFields()).map((field) => `${name}.${field}`);
    });
    expect(Object.keys(permissions).sort()).toEqual(fields.sort());
  });

  test('leaves only ways to log in open to everybody', () => {
    const open = Object.entries(permissions).filter(([, permission]) => permission === 'public');
    expect(open.map(([field]) => field).sort()).toEqual([
      'Mutation.acceptInvitation',
      'Mutation.beginOidcLogin',
      'Mutation.completeOidcLogin',
      'Mutation.login',
      'Mutation.refresh',
      'Mutation.resetPassword',
      'Query.loginIssuers',
    ]);
  });

  test('leaves only a person’s own sessions and passwords to whoever is logged in', () => {
    const open = Object.entries(permissions)
      .filter(([field]) => /^(Mutation|Subscription)\./.test(field))
      .filter(([, permission]) => permission === 'authenticated');
    expect(open.map(([field]) => field).sort()).toEqual([
      'Mutation.changePassword',
      'Mutation.endOtherSessions',
      'Mutation.endSession',
      'Mutation.logout',
    ]);
  });
});

describe.each(organizationPermissions)('%s', (permission) => {
  test.each(roles)('for %s', (role) => {
    const allowed = expected[permission].includes(role);
    expect(judge(caller(role), organizationId, permission)).toBe(allowed ? 'allowed' : 'denied');
    expect(judge(caller(role), elsewhere, permission)).toBe('stranger');
  });

  test('for a stranger and an operator', () => {
    expect(judge(caller(undefined), organizationId, permission)).toBe('stranger');
    expect(judge(caller(undefined, true), organizationId, permission)).toBe(
      operatorPermissions.has(permission) ? 'allowed' : 'denied',
    );
    expect(judge(caller('owner', true), 'no id', permission)).toBe('stranger');
  });
});
