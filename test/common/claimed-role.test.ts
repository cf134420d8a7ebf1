import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { claimedRole } from '../../common/claimed-role.ts';

const rule = {
  roleClaim: ['groups'],
  roleMappings: [
    { value: 'b', role: 'developer' },
    { value: 'a', role: 'agent' },
  ],
  defaultRole: undefined,
};

describe('a claimed role', () => {
  test('the first mapping that matches counts, whatever the order of the values', () => {
    expect(claimedRole({ groups: ['a', 'b'] }, rule)).toBe('developer');
    expect(claimedRole({ groups: ['x', 'a'] }, rule)).toBe('agent');
    expect(claimedRole({ groups: 'a' }, rule)).toBe('agent');
  });

  test('who matches nothing has the default, or none', () => {
    expect(claimedRole({ groups: ['A', ' a', 'ab'] }, rule)).toBeUndefined();
    expect(claimedRole({}, rule)).toBeUndefined();
    expect(claimedRole({ groups: [] }, { ...rule, defaultRole: 'auditor' })).toBe('auditor');
    expect(claimedRole({ groups: ['a'] }, { ...rule, roleClaim: [] })).toBeUndefined();
  });

  test('a path leads through objects, by their own members alone', () => {
    const nested = { ...rule, roleClaim: ['realm_access', 'roles'] };
    expect(claimedRole({ realm_access: { roles: ['a'] } }, nested)).toBe('agent');
    expect(claimedRole({ 'realm_access.roles': ['a'] }, nested)).toBeUndefined();
    expect(claimedRole({ realm_access: [{ roles: ['a'] }] }, nested)).toBeUndefined();
    const inherited = { ...rule, roleMappings: [{ value: 'Object', role: 'agent' }] };
    expect(claimedRole({}, { ...inherited, roleClaim: ['constructor', 'name'] })).toBeUndefined();
  });

  test('an empty role is found like another: it refuses', () => {
    const mappings = [{ value: 'a', role: '' }];
    expect(
      claimedRole({ groups: 'a' }, { ...rule, roleMappings: mappings, defaultRole: 'agent' }),
    ).toBe('');
  });

  test('no claims, whatever they are, give a role that is in no mapping', () => {
    fc.assert(
      fc.property(fc.object(), fc.array(fc.string(), { maxLength: 5 }), (claims, roleClaim) => {
        const role = claimedRole(claims, { ...rule, roleClaim });
        expect([undefined, 'developer', 'agent']).toContain(role);
      }),
    );
  });
});
