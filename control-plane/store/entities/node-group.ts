import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** Nodes that serve the same organizations. */
export const NodeGroup = defineEntity({
  name: 'NodeGroup',
  tableName: 'node_groups',
  properties: {
    id: p.uuid().primary(),
    name: p.text(),
    servesAllOrganizations: p.boolean().default(false),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    version: p.integer().version(),
  },
});
export type NodeGroup = InferEntity<typeof NodeGroup>;
