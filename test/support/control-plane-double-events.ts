import { contracts } from '../../common/contracts.ts';
import type { Spool } from '../../data-plane/events/spool.ts';
import { SpoolReader } from '../../data-plane/events/spool-reader.ts';
import type { CallRecord } from '../../proto/gen/mcpgw/events/v1/CallRecord.ts';
import type { Event } from '../../proto/gen/mcpgw/events/v1/Event.ts';
import { undecidedCall } from './policy-settings.ts';

/** A record of an ordinary call. */
export function callRecord(callId: string, more: Partial<CallRecord> = {}): CallRecord {
  return {
    callId,
    phase: 'CALL_PHASE_COMPLETE',
    startedAtMs: 1_790_000_000_000,
    organizationId: '01912345-0000-7000-8000-000000000001',
    subject: 'service:01912345-0000-7000-8000-000000000002',
    credentialId: 'keyAAAAAAAAA',
    serverId: '01912345-0000-7000-8000-000000000003',
    endpointId: '01912345-0000-7000-8000-000000000004',
    era: 'legacy',
    method: 'tools/call',
    target: 'echo',
    decision: 'DECISION_ALLOWED',
    reason: '',
    httpStatus: 200,
    rpcErrorCode: 0,
    upstreamDurationUs: 1500,
    totalDurationUs: 1700,
    requestBytes: 110,
    responseBytes: 230,
    traceId: '0af7651916cd43dd8448eb211c80319c',
    clientAddress: '127.0.0.1',
    configRevision: 7,
    outcome: 'completed',
    ...undecidedCall,
    shadowDecisions: [],
    principalRoles: [],
    principalScopes: [],
    headers: [],
    ...more,
  };
}

/** Everything in a spool that isn't acknowledged, decoded. */
export async function readSpool(spool: Spool): Promise<Event[]> {
  await spool.flushed();
  const reader = new SpoolReader(spool);
  const events: Event[] = [];
  for (;;) {
    const next = await reader.next({ eventsMax: 100, bytesMax: 64 * 1024 });
    if (next === undefined) break;
    for (const payload of next.payloads) events.push(contracts.events.Event.deserialize(payload));
  }
  await reader.close();
  return events;
}

/** Call ids of the calls among events. */
export function callIds(events: readonly Event[]): string[] {
  return events.flatMap(({ call }) => (call ? [call.callId] : []));
}
