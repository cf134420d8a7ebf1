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
    /** What becomes of a call that no policy decides. */
    policyDefault: p.text().$type<'allow' | 'deny'>().default('allow'),
    /** How a tools/call that a policy denies is answered. */
    toolRefusalForm: p
      .text()
      .$type<'http_status' | 'json_rpc_error' | 'tool_result'>()
      .default('json_rpc_error'),
    /** What of a call's arguments stands in its record. */
    argumentRecording: p.text().$type<'off' | 'redacted' | 'full'>().default('off'),
    argumentBytesMax: p.integer().default(16_384),
    /** Request headers that conditions may read, in lower case. */
    policyHeaders: p.array().default([]),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    version: p.integer().version(),
  },
});
export type Organization = InferEntity<typeof Organization>;
