import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { OrganizationRole } from './membership.ts';

/** An agent's credential. It acts for a member (`subjectUserId`) or for a service (`subjectServiceId`), never both. */
export const ApiKey = defineEntity({
  name: 'ApiKey',
  tableName: 'api_keys',
  properties: {
    organizationId: p.uuid().primary(),
    id: p.uuid().primary(),
    /** Public id inside the key: 12 base-62 characters. */
    keyId: p.text(),
    /** SHA-256 of the whole key. */
    secretHash: p.blob().hidden(),
    label: p.text(),
    subjectUserId: p.uuid().strictNullable(),
    /** Stable over rotation, so that a session survives its key. */
    subjectServiceId: p.uuid().strictNullable(),
    /** Roles of a service; a member's come from the membership. */
    roles: p.array().$type<OrganizationRole[]>().default([]),
    scopes: p.array().default([]),
    expiresAt: p.datetime(3).strictNullable(),
    revokedAt: p.datetime(3).strictNullable(),
    lastUsedAt: p.datetime(3).strictNullable(),
    createdBy: p.uuid().strictNullable(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    version: p.integer().version(),
  },
});
export type ApiKey = InferEntity<typeof ApiKey>;
