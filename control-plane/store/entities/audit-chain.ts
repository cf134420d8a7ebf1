import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** Head of a hash chain: an organization's, or the platform's. */
export const AuditChain = defineEntity({
  name: 'AuditChain',
  tableName: 'audit_chains',
  properties: {
    chainId: p.uuid().primary(),
    organizationId: p.uuid().strictNullable(),
    sequence: p.bigint('number'),
    hash: p.blob(),
  },
});
export type AuditChain = InferEntity<typeof AuditChain>;
