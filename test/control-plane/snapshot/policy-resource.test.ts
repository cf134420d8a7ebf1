import { describe, expect, test } from '@jest/globals';
import { contracts } from '../../../common/contracts.ts';
import { type PolicyRow, policyResource } from '../../../control-plane/snapshot/policy-resource.ts';
import { touchedRows } from '../../../control-plane/snapshot/touched-rows.ts';
import { policyFields } from '../../support/policy-fields.ts';

function row(fields: Partial<PolicyRow> = {}): PolicyRow {
  const { description: _, enabled: __, ...rules } = policyFields();
  return {
    ...rules,
    ...{ id: 'policy-1', organizationId: 'organization-1', revision: 3, position: 7 },
    serverIds: [],
    ...fields,
  };
}

describe('the resource of a policy', () => {
  test('does not depend on the order of its lists, and leaves what is empty out', () => {
    const one = policyResource(row({ tools: ['b', 'a'], roles: ['y', 'x'] }));
    const other = policyResource(row({ tools: ['a', 'b'], roles: ['x', 'y'] }));
    expect(one.version).toBe(other.version);
    expect(contracts.resources.Policy.deserialize(one.body)).toMatchObject({
      ...{ id: 'policy-1', revision: 3, position: 7, tools: ['a', 'b'] },
      effect: 'POLICY_EFFECT_DENY',
      mode: 'POLICY_MODE_ENFORCE',
    });
  });

  test.each([
    ['names no server', [], [], []],
    ['names servers alone', ['b', 'a'], ['2', '1'], ['1', '2']],
    ['has a name that is no server’s', ['a', 'b'], ['1'], []],
    ['has a pattern', ['a', 'a*'], ['1'], []],
  ])('closes servers only where the policy can be about no other: it %s', (_, ...given) => {
    const [servers, serverIds, scope] = given;
    expect(policyResource(row({ servers, serverIds })).scope).toEqual({
      organizationId: 'organization-1',
      serverIds: scope,
    });
  });
});

test('changes of policies touch their rows', () => {
  const touched = touchedRows([
    [
      { kind: 'policy', id: '1' },
      { kind: 'policy_order', id: 'organization-1' },
    ],
    [{ kind: 'policy', id: '2' }],
  ]);
  expect(touched.policyIds).toEqual(new Set(['1', '2']));
  expect(touched.organizationIds.size).toBe(0);
});
