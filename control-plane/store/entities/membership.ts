import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

export const organizationRoles = ['owner', 'admin', 'developer', 'auditor', 'agent'] as const;
export type OrganizationRole = (typeof organizationRoles)[number];

/** A person's role in an organization. */
export const Membership = defineEntity({
  name: 'Membership',
  tableName: 'memberships',
  properties: {
    organizationId: p.uuid().primary(),
    userId: p.uuid().primary(),
    role: p.text().$type<OrganizationRole>(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    version: p.integer().version(),
  },
});
export type Membership = InferEntity<typeof Membership>;
