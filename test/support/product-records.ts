import type { LogEntry } from './product-admin.ts';
import type { AnsweredCall } from './product-agent.ts';

export interface RecordFaults {
  /** Trace ids of answered calls without a record. */
  readonly missing: readonly string[];
  /** Calls that are recorded more than once. */
  readonly doubled: readonly string[];
}

/** What a complete record has: nothing missing, nothing twice. */
export const noFaults: RecordFaults = { missing: [], doubled: [] };

/** Compares what clients were answered with what the request log says. */
export function recordFaults(
  answered: readonly AnsweredCall[],
  log: readonly LogEntry[],
): RecordFaults {
  // A long stream has a start and an end; each counts once.
  const keys = log.flatMap(({ callId, traceId, method, phase }) =>
    method === 'tools/call'
      ? [`${callId} ${phase}`, `${traceId} ${phase}`]
      : [`${callId} ${phase}`],
  );
  const seen = new Set<string>();
  const doubled = keys.filter((key) => seen.size === seen.add(key).size);
  const recorded = new Set(log.map(({ traceId }) => traceId));
  return {
    missing: answered.map(({ traceId }) => traceId).filter((traceId) => !recorded.has(traceId)),
    doubled,
  };
}
