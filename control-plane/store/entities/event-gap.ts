import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** Events that a node's spool could not hold. */
export const EventGap = defineEntity({
  name: 'EventGap',
  tableName: 'event_gaps',
  properties: {
    nodeId: p.uuid().primary(),
    spoolId: p.uuid().primary(),
    sequence: p.bigint('number').primary(),
    at: p.datetime(3),
    droppedCount: p.bigint('number'),
    /** `spool_full` or `corrupt_segment`. */
    cause: p.text(),
    receivedAt: p.datetime(3),
  },
});
export type EventGap = InferEntity<typeof EventGap>;
