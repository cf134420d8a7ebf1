import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { OrganizationRole } from './membership.ts';

/** Something that whoever holds the token may do once: join an organization, or set a new password. */
export const OneTimeToken = defineEntity({
  name: 'OneTimeToken',
  tableName: 'one_time_tokens',
  properties: {
    id: p.uuid().primary(),
    /** Public id inside the token: 12 base-62 characters. */
    tokenId: p.text(),
    /** SHA-256 of the whole token. */
    tokenHash: p.blob().hidden(),
    purpose: p.text().$type<'invitation' | 'password_reset'>(),
    /** Whose password; null for an invitation. */
    userId: p.uuid().strictNullable(),
    /** Where to; of a reset: the organization whose member asked for it, null for an operator. */
    organizationId: p.uuid().strictNullable(),
    /** Who is invited, in lower case. */
    email: p.text().strictNullable(),
    role: p.text().$type<OrganizationRole>().strictNullable(),
    customRoleId: p.uuid().strictNullable(),
    /** Id of the actor. */
    createdBy: p.text(),
    createdAt: p.datetime(3),
    expiresAt: p.datetime(3),
    usedAt: p.datetime(3).strictNullable(),
    revokedAt: p.datetime(3).strictNullable(),
  },
});
export type OneTimeToken = InferEntity<typeof OneTimeToken>;
