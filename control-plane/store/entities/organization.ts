import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** A tenant. */
export const Organization = defineEntity({
  name: 'Organization',
  tableName: 'organizations',
  properties: {
    id: p.uuid().primary(),
    /** First segment of the proxy's path. */
    slug: p.text(),
    name: p.text(),
    enabled: p.boolean().default(true),
    /** Calls are answered only once their record is on disk. */
    mustAudit: p.boolean().default(false),
    /** Exact origins of browser clients that may call. */
    allowedOrigins: p.array().default([]),
    /** Calls are refused on a node whose view is older; null: never. */
    staleAfterSeconds: p.integer().strictNullable().default(null),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    version: p.integer().version(),
  },
});
export type Organization = InferEntity<typeof Organization>;
