import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** One of a session's refresh tokens. A used one stays until its session is gone. */
export const RefreshToken = defineEntity({
  name: 'RefreshToken',
  tableName: 'refresh_tokens',
  properties: {
    /** Public id inside the token: 12 base-62 characters. */
    tokenId: p.text().primary(),
    /** SHA-256 of the whole token. */
    tokenHash: p.blob().hidden(),
    sessionId: p.uuid(),
    issuedAt: p.datetime(3),
    expiresAt: p.datetime(3),
    usedAt: p.datetime(3).strictNullable(),
  },
});
export type RefreshToken = InferEntity<typeof RefreshToken>;
