import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

export const organizationRoles = ['owner', 'admin', 'developer', 'auditor', 'agent'] as const;
export type OrganizationRole = (typeof organizationRoles)[number];

/** Built-in roles whose holders may call servers through the proxy. */
export const callingRoles: readonly OrganizationRole[] = ['owner', 'admin', 'developer', 'agent'];

/** A person's role in an organization. */
export const Membership = defineEntity({
  name: 'Membership',
  tableName: 'memberships',
  properties: {
    organizationId: p.uuid().primary(),
    userId: p.uuid().primary(),
    role: p.text().$type<OrganizationRole>().strictNullable(),
    /** Set when `role` is not. */
    customRoleId: p.uuid().strictNullable(),
    /** The issuer that the member came through: each log-in gives the role that it says. */
    issuerId: p.uuid().nullable(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    version: p.integer().version(),
  },
});
export type Membership = InferEntity<typeof Membership>;
