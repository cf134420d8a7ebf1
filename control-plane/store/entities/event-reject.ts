import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** An event that could not be written, as it arrived. */
export const EventReject = defineEntity({
  name: 'EventReject',
  tableName: 'event_rejects',
  properties: {
    nodeId: p.uuid().primary(),
    spoolId: p.uuid().primary(),
    sequence: p.bigint('number').primary(),
    /** The encoded mcpgw.events.v1.Event. */
    payload: p.blob(),
    error: p.text(),
    receivedAt: p.datetime(3),
  },
});
export type EventReject = InferEntity<typeof EventReject>;
