import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** The platform's single row: the stored part of the epoch, and the last revision. */
export const PlatformState = defineEntity({
  name: 'PlatformState',
  tableName: 'platform_state',
  properties: {
    id: p.boolean().primary(),
    epoch: p.uuid(),
    revision: p.bigint('number'),
    createdAt: p.datetime(3),
  },
});
export type PlatformState = InferEntity<typeof PlatformState>;
