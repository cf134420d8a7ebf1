import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** How a revision spread over the nodes of a group. */
export const RevisionRollout = defineEntity({
  name: 'RevisionRollout',
  tableName: 'revision_rollouts',
  properties: {
    revision: p.bigint('number').primary(),
    nodeGroupId: p.uuid().primary(),
    nodesExpected: p.integer().default(0),
    nodesApplied: p.integer().default(0),
    nodesRejected: p.integer().default(0),
    firstAppliedAt: p.datetime(3).strictNullable(),
    lastAppliedAt: p.datetime(3).strictNullable(),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
  },
});
export type RevisionRollout = InferEntity<typeof RevisionRollout>;
