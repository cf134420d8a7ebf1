import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** Up to which event of a spool everything is written or kept as rejected. */
export const EventWatermark = defineEntity({
  name: 'EventWatermark',
  tableName: 'event_watermarks',
  properties: {
    nodeId: p.uuid().primary(),
    spoolId: p.uuid().primary(),
    sequence: p.bigint('number'),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
  },
});
export type EventWatermark = InferEntity<typeof EventWatermark>;
