import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** A credential of an agent or of automation. It acts for a member or for a service account, never both. */
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
    serviceAccountId: p.uuid().strictNullable(),
    /** See common/scope.ts; empty: nothing. */
    scopes: p.array(),
    expiresAt: p.datetime(3).strictNullable(),
    revokedAt: p.datetime(3).strictNullable(),
    /** The key that takes this one's place, which ends when the overlap does. */
    replacedBy: p.uuid().strictNullable(),
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
