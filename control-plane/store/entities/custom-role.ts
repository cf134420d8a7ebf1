import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** A role that an organization put together from permissions. */
export const CustomRole = defineEntity({
  name: 'CustomRole',
  tableName: 'custom_roles',
  properties: {
    organizationId: p.uuid().primary(),
    id: p.uuid().primary(),
    /** Unique in the organization; nodes know the role by it. */
    name: p.text(),
    description: p.text(),
    permissions: p.array(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    version: p.integer().version(),
  },
});
export type CustomRole = InferEntity<typeof CustomRole>;
