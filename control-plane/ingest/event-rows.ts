import type { Event } from '../../proto/gen/mcpgw/events/v1/Event.ts';
import type { RefusalAggregate } from '../../proto/gen/mcpgw/events/v1/RefusalAggregate.ts';
import type { SpoolGap } from '../../proto/gen/mcpgw/events/v1/SpoolGap.ts';
import {
  type CallRecordRow,
  callRecordRow,
  count,
  EventViolation,
  storableText,
  timestamp,
  uuid,
} from './call-record-row.ts';

/** A row of `request_refusals` before it gets its id. */
export interface RefusalRow {
  readonly organization_id: string | null;
  readonly window_start: string;
  readonly window_end: string;
  readonly reason: string;
  readonly address_block: string;
  readonly count: number;
}

/** A row of `event_gaps`. */
export interface GapRow {
  readonly at: string;
  readonly dropped_count: number;
  readonly cause: string;
}

/** What an event becomes: a row of one table, or, with the reason, nothing that can be written. */
export type EventRow =
  | { readonly table: 'request_logs'; readonly event: Event; readonly row: CallRecordRow }
  | { readonly table: 'request_refusals'; readonly event: Event; readonly row: RefusalRow }
  | { readonly table: 'event_gaps'; readonly event: Event; readonly row: GapRow }
  | { readonly table: 'event_rejects'; readonly event: Event; readonly error: string };

function refusalRow(refusals: RefusalAggregate): RefusalRow {
  if (refusals.count === 0) throw new EventViolation('count is out of range');
  return {
    organization_id:
      refusals.organizationId === '' ? null : uuid('organization_id', refusals.organizationId),
    window_start: timestamp('window_start_ms', refusals.windowStartMs),
    window_end: timestamp('window_end_ms', refusals.windowEndMs),
    reason: storableText('reason', refusals.reason),
    address_block: storableText('address_block', refusals.addressBlock),
    count: count('count', refusals.count),
  };
}

function gapRow(gap: SpoolGap): GapRow {
  return {
    at: timestamp('at_ms', gap.atMs),
    dropped_count: count('dropped_count', gap.droppedCount),
    cause: storableText('cause', gap.cause),
  };
}

function rowOf(event: Event, organizationIds: ReadonlySet<string>): EventRow {
  const mayWrite = (organizationId: string | null) => {
    if (organizationId !== null && !organizationIds.has(organizationId)) {
      throw new EventViolation('the organization is unknown, or not one of the node’s group');
    }
  };
  if (event.call) {
    const row = callRecordRow(event.call);
    mayWrite(row.organization_id);
    return { table: 'request_logs', event, row };
  }
  if (event.refusals) {
    const row = refusalRow(event.refusals);
    mayWrite(row.organization_id);
    return { table: 'request_refusals', event, row };
  }
  if (event.gap) return { table: 'event_gaps', event, row: gapRow(event.gap) };
  throw new EventViolation('the event is of a kind that this version doesn’t know');
}

/**
 * Sorts events by the table that they go to. Never throws: what can't be written becomes a reject.
 * @param organizationIds organizations that the node may write for, in lower case.
 */
export function eventRows(
  events: readonly Event[],
  organizationIds: ReadonlySet<string>,
): EventRow[] {
  return events.map((event) => {
    try {
      return rowOf(event, organizationIds);
    } catch (error) {
      if (!(error instanceof EventViolation)) throw error;
      return { table: 'event_rejects', event, error: error.message };
    }
  });
}

/** The organizations that events speak of, as far as they look like ids. */
export function organizationIdsOf(events: readonly Event[]): Set<string> {
  const ids = new Set<string>();
  for (const { call, refusals } of events) {
    const id = call?.organizationId ?? refusals?.organizationId ?? '';
    try {
      ids.add(uuid('organization_id', id));
    } catch {
      // It is no id; the event that carries it will be rejected, or needs none.
    }
  }
  return ids;
}
