import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** The credential of a node. Tokens of one group and name speak for the same node. */
export const NodeToken = defineEntity({
  name: 'NodeToken',
  tableName: 'node_tokens',
  properties: {
    id: p.uuid().primary(),
    /** Public id inside the token: 12 base-62 characters. */
    tokenId: p.text(),
    /** SHA-256 of the whole token. */
    tokenHash: p.blob().hidden(),
    nodeGroupId: p.uuid(),
    /** Name of the node. */
    name: p.text(),
    expiresAt: p.datetime(3).strictNullable(),
    revokedAt: p.datetime(3).strictNullable(),
    lastUsedAt: p.datetime(3).strictNullable(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    version: p.integer().version(),
  },
});
export type NodeToken = InferEntity<typeof NodeToken>;
