import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** Refusals of callers that were never identified, counted by reason and address block. */
export const RequestRefusal = defineEntity({
  name: 'RequestRefusal',
  tableName: 'request_refusals',
  properties: {
    id: p.uuid().primary(),
    organizationId: p.uuid().strictNullable(),
    receivedAt: p.datetime(3),
    nodeId: p.uuid(),
    windowStart: p.datetime(3),
    windowEnd: p.datetime(3),
    reason: p.text(),
    /** IPv4 /24 or IPv6 /48 in CIDR notation. */
    addressBlock: p.text(),
    count: p.bigint('number'),
  },
});
export type RequestRefusal = InferEntity<typeof RequestRefusal>;
