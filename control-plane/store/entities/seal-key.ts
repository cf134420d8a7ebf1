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
    isPrimary: p.boolean(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
  },
});
export type SealKey = InferEntity<typeof SealKey>;
