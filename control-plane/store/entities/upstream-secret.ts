import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** The credential that the gateway presents to an MCP server, sealed; at most one for each server. */
export const UpstreamSecret = defineEntity({
  name: 'UpstreamSecret',
  tableName: 'upstream_secrets',
  properties: {
    organizationId: p.uuid().primary(),
    id: p.uuid().primary(),
    serverId: p.uuid(),
    /** Lower-case header name. */
    header: p.text(),
    /** Nonce, ciphertext and tag under the data key. */
    ciphertext: p.blob().hidden(),
    /** The data key, wrapped by the master key. */
    wrappedKey: p.blob().hidden(),
    /** Which master key wrapped it. */
    masterKeyId: p.text(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
  },
});
export type UpstreamSecret = InferEntity<typeof UpstreamSecret>;
