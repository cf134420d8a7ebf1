import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { ChangedResource } from '../changed-resource.ts';

/** One revision: what it touched, and the audit entry that says who did it. */
export const ConfigChange = defineEntity({
  name: 'ConfigChange',
  tableName: 'config_changes',
  properties: {
    revision: p.bigint('number').primary(),
    /** Null: a change of the platform. */
    organizationId: p.uuid().strictNullable(),
    entries: p.json<readonly ChangedResource[]>(),
    auditChainId: p.uuid(),
    auditSequence: p.bigint('number'),
    committedAt: p.datetime(3),
  },
});
export type ConfigChange = InferEntity<typeof ConfigChange>;
