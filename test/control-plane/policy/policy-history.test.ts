import { expect, test } from '@jest/globals';
import { definitionChanges } from '../../../control-plane/policy/policy-history.ts';
import { policyFields } from '../../support/policy-fields.ts';

const nothing = { before: null, after: null, added: [], removed: [] };

test('equal definitions differ in nothing, the order within a list included', () => {
  const one = policyFields({ tools: ['a', 'b'], condition: 'true' });
  expect(definitionChanges(one, { ...one, tools: ['b', 'a'] })).toEqual([]);
});

test('a text shows what it was and is, a list what came and went', () => {
  const before = policyFields({ tools: ['a', 'b'], message: 'Old.' });
  const after = policyFields({ tools: ['b', 'c'], message: '', enabled: false });
  expect(definitionChanges(before, after)).toEqual([
    { ...nothing, field: 'enabled', before: 'true', after: 'false' },
    { ...nothing, field: 'message', before: 'Old.', after: '' },
    { ...nothing, field: 'tools', added: ['c'], removed: ['a'] },
  ]);
});

test('a new policy shows what it says, and not what it leaves empty', () => {
  const changes = definitionChanges(undefined, policyFields({ roles: ['agent'] }));
  expect(changes.map(({ field }) => field)).toEqual([
    ...['name', 'effect', 'mode', 'enabled', 'roles'],
  ]);
});
