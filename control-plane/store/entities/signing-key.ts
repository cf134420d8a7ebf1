import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** A key pair that signs access tokens. */
export const SigningKey = defineEntity({
  name: 'SigningKey',
  tableName: 'signing_keys',
  properties: {
    kid: p.text().primary(),
    publicJwk: p.json<Readonly<Record<string, unknown>>>(),
    /** Private key wrapped by the master key. */
    wrappedPrivateKey: p.blob().hidden(),
    /** Which master key wrapped it; null: written before rows said so. */
    masterKeyId: p.text().strictNullable(),
    /** Revision that told nodes of it; null: the first key, which nobody was without. */
    publishedRevision: p.bigint('number').strictNullable(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    /** Null: it is published, and signs nothing yet. */
    activatedAt: p.datetime(3).strictNullable(),
    /** Since when it signs no more; it verifies on until its tokens are past. */
    retiredAt: p.datetime(3).strictNullable(),
  },
});
export type SigningKey = InferEntity<typeof SigningKey>;
