import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** Assigns an organization to a node group. */
export const NodeGroupOrganization = defineEntity({
  name: 'NodeGroupOrganization',
  tableName: 'node_group_organizations',
  properties: {
    nodeGroupId: p.uuid().primary(),
    organizationId: p.uuid().primary(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
  },
});
export type NodeGroupOrganization = InferEntity<typeof NodeGroupOrganization>;
