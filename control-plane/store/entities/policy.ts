import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { PolicyEffect, PolicyMode } from '../../../common/policy/policy.ts';

/** A rule about calls, as it is written. A list that is empty restricts nothing. */
export const Policy = defineEntity({
  name: 'Policy',
  tableName: 'policies',
  properties: {
    organizationId: p.uuid().primary(),
    id: p.uuid().primary(),
    /** Unique in the organization; shown to callers that it denies. */
    name: p.text(),
    description: p.text(),
    effect: p.text().$type<PolicyEffect>(),
    mode: p.text().$type<PolicyMode>(),
    /** Nodes hear of no other. */
    enabled: p.boolean(),
    /** Orders the organization's policies. Numbers have gaps, so that a move changes one row. */
    position: p.integer(),
    message: p.text(),
    servers: p.array(),
    methods: p.array(),
    tools: p.array(),
    resources: p.array(),
    prompts: p.array(),
    roles: p.array(),
    subjects: p.array(),
    apiKeys: p.array(),
    /** CEL source; empty: always. */
    condition: p.text(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    /** Counts every change of the row, a move included. */
    version: p.integer().version(),
    /** Counts the changes of what it says; decisions name it. */
    revision: p.integer(),
  },
});
export type Policy = InferEntity<typeof Policy>;
