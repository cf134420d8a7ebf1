import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** Given this call, expect that: kept beside a policy and tried whenever any policy changes. */
export const PolicyExpectation = defineEntity({
  name: 'PolicyExpectation',
  tableName: 'policy_expectations',
  properties: {
    organizationId: p.uuid().primary(),
    id: p.uuid().primary(),
    policyId: p.uuid(),
    name: p.text(),
    /** Who calls what with which arguments. */
    call: p.json<Readonly<Record<string, unknown>>>(),
    expected: p.text().$type<'allow' | 'deny'>(),
    /** The policy that has to decide; null: any, or the default. */
    expectedPolicyId: p.uuid().strictNullable(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    version: p.integer().version(),
  },
});
export type PolicyExpectation = InferEntity<typeof PolicyExpectation>;
