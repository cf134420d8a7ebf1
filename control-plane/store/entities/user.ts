import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

export type PlatformRole = 'operator';

/** A person. Visible to an organization through a membership only. */
export const User = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    id: p.uuid().primary(),
    /** In lower case. */
    email: p.text(),
    displayName: p.text(),
    /** Argon2id; null: this person can't sign in by password. */
    passwordHash: p.text().strictNullable().hidden(),
    platformRole: p.text().$type<PlatformRole>().strictNullable(),
    disabledAt: p.datetime(3).strictNullable(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    version: p.integer().version(),
  },
});
export type User = InferEntity<typeof User>;
