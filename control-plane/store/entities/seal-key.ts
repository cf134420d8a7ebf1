import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** A key of a node group's ring; new values are sealed with the primary, the others only open. */
export const SealKey = defineEntity({
  name: 'SealKey',
  tableName: 'seal_keys',
  properties: {
    nodeGroupId: p.uuid().primary(),
    /** Short: every sealed value names it. */
    id: p.text().primary(),
    /** 32 bytes, wrapped by the master key. */
    wrappedKey: p.blob().hidden(),
    /** Which master key wrapped it; null: written before rows said so. */
    masterKeyId: p.text().strictNullable(),
    isPrimary: p.boolean(),
    /** Revision that told nodes of it; null: a group's first key, which nobody was without. */
    publishedRevision: p.bigint('number').strictNullable(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    /** Null: not used for sealing yet. */
    primarySince: p.datetime(3).strictNullable(),
    /** Since when another key is the primary; it opens on for a while. */
    retiredAt: p.datetime(3).strictNullable(),
  },
});
export type SealKey = InferEntity<typeof SealKey>;
