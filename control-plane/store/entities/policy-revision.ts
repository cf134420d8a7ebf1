import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { PolicyEffect, PolicyMode } from '../../../common/policy/policy.ts';

/** Everything that a policy says: what counts as a revision when it changes. */
export interface PolicyDefinition {
  readonly name: string;
  readonly description: string;
  readonly effect: PolicyEffect;
  readonly mode: PolicyMode;
  readonly enabled: boolean;
  readonly message: string;
  readonly servers: readonly string[];
  readonly methods: readonly string[];
  readonly tools: readonly string[];
  readonly resources: readonly string[];
  readonly prompts: readonly string[];
  readonly roles: readonly string[];
  readonly subjects: readonly string[];
  readonly apiKeys: readonly string[];
  readonly condition: string;
}

/** What a policy said at one of its revisions; of a deletion what it said last. Outlives the policy. */
export const PolicyRevision = defineEntity({
  name: 'PolicyRevision',
  tableName: 'policy_revisions',
  properties: {
    organizationId: p.uuid().primary(),
    policyId: p.uuid().primary(),
    revision: p.integer().primary(),
    definition: p.json<PolicyDefinition>(),
    change: p.text().$type<'created' | 'updated' | 'deleted'>(),
    /** Who changed it, such as `user:<id>`. */
    actor: p.text(),
    changedAt: p.datetime(3),
    /** Revision of the configuration that it came with. */
    configRevision: p.bigint('number').strictNullable(),
  },
});
export type PolicyRevision = InferEntity<typeof PolicyRevision>;
