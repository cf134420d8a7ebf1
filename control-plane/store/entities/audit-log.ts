import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { ActorKind } from '../../audit/audit-chain.ts';
import type { JsonObject } from '../../audit/canonical-json.ts';

/** An entry of a hash chain. Labels and private details may be erased: the hash covers their salted commitments. */
export const AuditLog = defineEntity({
  name: 'AuditLog',
  tableName: 'audit_logs',
  properties: {
    chainId: p.uuid().primary(),
    sequence: p.bigint('number').primary(),
    id: p.uuid(),
    /** Null: the platform's chain. */
    organizationId: p.uuid().strictNullable(),
    /** Null: nothing that a node needs changed. */
    revision: p.bigint('number').strictNullable(),
    at: p.datetime(3),
    /** Such as `server.update`. */
    action: p.text(),
    actorKind: p.text().$type<ActorKind>(),
    actorId: p.text(),
    actorLabel: p.text().strictNullable(),
    actorLabelSalt: p.blob().strictNullable(),
    actorLabelCommitment: p.blob(),
    targetType: p.text(),
    targetId: p.text(),
    targetLabel: p.text().strictNullable(),
    targetLabelSalt: p.blob().strictNullable(),
    targetLabelCommitment: p.blob(),
    details: p.json<JsonObject>(),
    /** Out of `details`: the session or API key that the actor used. The database writes it. */
    credentialId: p.text().strictNullable().persist(false),
    privateDetails: p.json<JsonObject>().strictNullable(),
    privateDetailsSalt: p.blob().strictNullable(),
    privateDetailsCommitment: p.blob(),
    previousHash: p.blob(),
    hash: p.blob(),
  },
});
export type AuditLog = InferEntity<typeof AuditLog>;
