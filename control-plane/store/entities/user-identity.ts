import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** Whom an issuer's subject is here. */
export const UserIdentity = defineEntity({
  name: 'UserIdentity',
  tableName: 'user_identities',
  properties: {
    organizationId: p.uuid().primary(),
    issuerId: p.uuid().primary(),
    subject: p.text().primary(),
    userId: p.uuid(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    lastLoginAt: p.datetime(3).onCreate(() => new Date()),
  },
});
export type UserIdentity = InferEntity<typeof UserIdentity>;
