import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { OrganizationRole } from './membership.ts';

/** A program that acts in an organization, by API keys. It has a built-in role or a custom one. */
export const ServiceAccount = defineEntity({
  name: 'ServiceAccount',
  tableName: 'service_accounts',
  properties: {
    organizationId: p.uuid().primary(),
    /** Stable over rotation of keys, so that a session survives its key. */
    id: p.uuid().primary(),
    name: p.text(),
    description: p.text(),
    role: p.text().$type<OrganizationRole>().strictNullable(),
    customRoleId: p.uuid().strictNullable(),
    disabledAt: p.datetime(3).strictNullable(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    version: p.integer().version(),
  },
});
export type ServiceAccount = InferEntity<typeof ServiceAccount>;
