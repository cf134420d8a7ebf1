import { readFile } from 'node:fs/promises';
import { contracts } from '../../common/contracts.ts';
import type { CallRecord } from '../../proto/gen/mcpgw/events/v1/CallRecord.ts';
import type { OpenCall } from './open-call-table.ts';
import { decodeRecords, segmentHeadBytes } from './segment.ts';
import type { SpoolSegment } from './spool-segment.ts';

/**
 * The last records of calls that a dead process was answering. Its last steps may contradict one another: a
 * call that stands open may have its records in the spool already. They are there then, for a segment goes
 * only long after both were written.
 */
export async function interruptedCalls(
  left: readonly OpenCall[],
  segments: readonly SpoolSegment[],
): Promise<CallRecord[]> {
  if (left.length === 0) return [];
  const begun = new Set<string>();
  const ended = new Set<string>();
  for (const { file, firstSequence } of segments) {
    const content = await readFile(file);
    for (const { kind, payload } of decodeRecords(content, segmentHeadBytes, firstSequence)) {
      if (kind !== 'call') continue;
      const { call } = contracts.events.Event.deserialize(payload);
      if (call) (call.phase === 'CALL_PHASE_START' ? begun : ended).add(call.callId);
    }
  }
  return left
    .filter(({ call }) => !ended.has(call.callId))
    .map(({ call, started }) => ({
      ...call,
      phase: started || begun.has(call.callId) ? 'CALL_PHASE_END' : 'CALL_PHASE_COMPLETE',
      outcome: 'interrupted',
    }));
}
