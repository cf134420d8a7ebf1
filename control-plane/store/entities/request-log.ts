import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

export type CallPhase = 'complete' | 'start' | 'end';
export type CallDecision = 'allowed' | 'refused' | 'failed';
export type ArgumentState = 'none' | 'off' | 'redacted' | 'full' | 'too_large';

/** What a policy in shadow mode would have decided otherwise. */
export interface ShadowDecisionEntry {
  readonly policyId: string;
  readonly revision: number;
  readonly outcome: 'would_deny' | 'would_allow' | 'would_fail';
}

/** The record of a call, or of the start or the end of a long stream. */
export const RequestLog = defineEntity({
  name: 'RequestLog',
  tableName: 'request_logs',
  properties: {
    id: p.uuid().primary(),
    /** Decides the partition; with `id` the key that pages follow. */
    receivedAt: p.datetime(3).primary(),
    organizationId: p.uuid(),
    nodeId: p.uuid(),
    callId: p.uuid(),
    phase: p.text().$type<CallPhase>(),
    startedAt: p.datetime(3),
    subject: p.text().default(''),
    credentialId: p.text().default(''),
    serverId: p.uuid().strictNullable(),
    endpointId: p.uuid().strictNullable(),
    era: p.text().$type<'legacy' | 'modern'>().strictNullable(),
    method: p.text().default(''),
    target: p.text().default(''),
    decision: p.text().$type<CallDecision>(),
    /** From the reason catalogue; empty: the upstream's answer was relayed. */
    reason: p.text().default(''),
    httpStatus: p.integer().default(0),
    rpcErrorCode: p.integer().default(0),
    upstreamDurationUs: p.bigint('number').default(0),
    totalDurationUs: p.bigint('number').default(0),
    requestBytes: p.bigint('number').default(0),
    responseBytes: p.bigint('number').default(0),
    traceId: p.text().default(''),
    clientAddress: p.text().default(''),
    configRevision: p.bigint('number').default(0),
    outcome: p.text().default(''),
    /** Null: none decided. */
    policyId: p.uuid().strictNullable(),
    policyRevision: p.integer().strictNullable(),
    shadowDecisions: p.json<readonly ShadowDecisionEntry[] | null>().onCreate(() => null),
    principalRoles: p.array().onCreate(() => []),
    principalScopes: p.array().onCreate(() => []),
    credentialKind: p.text().$type<'api_key' | 'access_token'>().strictNullable(),
    clientName: p.text().default(''),
    clientVersion: p.text().default(''),
    /** Those that the organization lets conditions read. */
    headers: p.json<Readonly<Record<string, string>> | null>().onCreate(() => null),
    argumentState: p.text().$type<ArgumentState>().default('none'),
    /** Null unless the state says that they are here. */
    arguments: p.json<Readonly<Record<string, unknown>> | null>().onCreate(() => null),
    policyError: p.text().default(''),
  },
});
export type RequestLog = InferEntity<typeof RequestLog>;
