import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** Tokens that end before they expire. Exactly one of `subject`, `tokenId` and `sessionId` is set. */
export const Revocation = defineEntity({
  name: 'Revocation',
  tableName: 'revocations',
  properties: {
    organizationId: p.uuid().primary(),
    id: p.uuid().primary(),
    /** The same for all that one change wrote. */
    changeId: p.uuid(),
    /** Stable subject, whose tokens issued before `issuedBefore` are refused. */
    subject: p.text().strictNullable(),
    issuedBefore: p.datetime(3).strictNullable(),
    /** `jti` of one token. */
    tokenId: p.text().strictNullable(),
    /** `sid` of a session's tokens. */
    sessionId: p.uuid().strictNullable(),
    reason: p.text(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    /** Everything that it covers has expired by itself by then. */
    expiresAt: p.datetime(3),
  },
});
export type Revocation = InferEntity<typeof Revocation>;
