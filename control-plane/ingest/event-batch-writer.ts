import type { EntityManager } from '@mikro-orm/postgresql';
import { contracts } from '../../common/contracts.ts';
import type { Event } from '../../proto/gen/mcpgw/events/v1/Event.ts';
import { notifyRequestLogs } from '../store/notify.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import { type EventRow, eventRows, organizationIdsOf } from './event-rows.ts';

/** Whose events: one spool of one node, in one group. */
export interface EventOrigin {
  readonly nodeId: string;
  readonly groupId: string;
  readonly spoolId: string;
}

/** What a committed batch amounts to. */
export interface WrittenBatch {
  /** Everything up to and including this sequence is committed, or kept as rejected. */
  readonly acknowledgedSequence: number;
  readonly rejectedCount: number;
  /** Calls that were written now, for whatever else wants to know of them. */
  readonly calls: readonly {
    readonly organizationId: string;
    readonly credentialId: string;
    readonly startedAt: string;
  }[];
}

/** Rows of one INSERT: some megabytes of SQL at most. */
const rowsPerInsert = 1000;

const inserts = {
  request_logs: `
    insert into request_logs (id, node_id, organization_id, call_id, phase, started_at, subject,
      credential_id, server_id, endpoint_id, era, method, target, decision, reason, http_status,
      rpc_error_code, upstream_duration_us, total_duration_us, request_bytes, response_bytes, trace_id,
      client_address, config_revision, outcome, policy_id, policy_revision, shadow_decisions,
      principal_roles, principal_scopes, credential_kind, client_name, client_version, headers,
      argument_state, arguments, policy_error)
    select r.id, ?::uuid, r.organization_id, r.call_id, r.phase, r.started_at, r.subject,
      r.credential_id, r.server_id, r.endpoint_id, r.era, r.method, r.target, r.decision, r.reason,
      r.http_status, r.rpc_error_code, r.upstream_duration_us, r.total_duration_us, r.request_bytes,
      r.response_bytes, r.trace_id, r.client_address, r.config_revision, r.outcome,
      r.policy_id, r.policy_revision, r.shadow_decisions, r.principal_roles, r.principal_scopes,
      r.credential_kind, r.client_name, r.client_version, r.headers, r.argument_state,
      r.arguments::json, r.policy_error
    from jsonb_to_recordset(?::jsonb) as r(id uuid, organization_id uuid, call_id uuid, phase text,
      started_at timestamptz, subject text, credential_id text, server_id uuid, endpoint_id uuid,
      era text, method text, target text, decision text, reason text, http_status integer,
      rpc_error_code integer, upstream_duration_us bigint, total_duration_us bigint,
      request_bytes bigint, response_bytes bigint, trace_id text, client_address text,
      config_revision bigint, outcome text, policy_id uuid, policy_revision integer,
      shadow_decisions jsonb, principal_roles text[], principal_scopes text[], credential_kind text,
      client_name text, client_version text, headers jsonb, argument_state text, arguments text,
      policy_error text)`,
  request_refusals: `
    insert into request_refusals (id, node_id, organization_id, window_start, window_end, reason,
      address_block, count)
    select r.id, ?::uuid, r.organization_id, r.window_start, r.window_end, r.reason, r.address_block,
      r.count
    from jsonb_to_recordset(?::jsonb) as r(id uuid, organization_id uuid, window_start timestamptz,
      window_end timestamptz, reason text, address_block text, count bigint)`,
  event_gaps: `
    insert into event_gaps (node_id, spool_id, sequence, at, dropped_count, cause)
    select ?::uuid, r.spool_id, r.sequence, r.at, r.dropped_count, r.cause
    from jsonb_to_recordset(?::jsonb) as r(spool_id uuid, sequence bigint, at timestamptz,
      dropped_count bigint, cause text)`,
  event_rejects: `
    insert into event_rejects (node_id, spool_id, sequence, payload, error)
    select ?::uuid, r.spool_id, r.sequence, decode(r.payload, 'base64'), r.error
    from jsonb_to_recordset(?::jsonb) as r(spool_id uuid, sequence bigint, payload text, error text)`,
} as const;

/**
 * Writes the events of a batch that the database doesn't have yet, moves the spool's watermark and tells
 * who listens, in one transaction. The watermark's row is locked first: however often and by however many
 * streams and replicas a batch is sent, each event is written once.
 * @param events with safe sequences, in any order.
 */
export async function writeEventBatch(
  store: Store,
  origin: EventOrigin,
  events: readonly Event[],
): Promise<WrittenBatch> {
  return store.withSystem(async (em) => {
    const watermark = await lockWatermark(em, origin);
    const fresh = eventsAbove(watermark, events);
    const last = fresh.at(-1);
    if (!last) return { acknowledgedSequence: watermark, rejectedCount: 0, calls: [] };
    const allowed = await organizationsOfGroup(em, origin.groupId, organizationIdsOf(fresh));
    const written: EventRow[] = [];
    for (const [table, rows] of Map.groupBy(eventRows(fresh, allowed), (row) => row.table)) {
      if (table !== 'event_rejects') written.push(...(await insertTolerant(em, origin, rows)));
      else written.push(...rows);
    }
    const rejects = written.filter(({ table }) => table === 'event_rejects');
    for (const slice of slices(rejects)) await insert(em, origin, slice);
    await em.execute(
      'update event_watermarks set sequence = ?, updated_at = now() where node_id = ? and spool_id = ?',
      [last.sequence, origin.nodeId, origin.spoolId],
    );
    const calls = written.flatMap((row) => (row.table === 'request_logs' ? [row.row] : []));
    await notifyRequestLogs(
      em,
      calls.map((call) => call.organization_id),
    );
    return {
      acknowledgedSequence: last.sequence,
      rejectedCount: rejects.length,
      calls: calls.map((call) => ({
        organizationId: call.organization_id,
        credentialId: call.credential_id,
        startedAt: call.started_at,
      })),
    };
  });
}

async function lockWatermark(em: EntityManager, origin: EventOrigin): Promise<number> {
  const key = [origin.nodeId, origin.spoolId];
  await em.execute(
    `insert into event_watermarks (node_id, spool_id, sequence) values (?, ?, 0)
     on conflict do nothing`,
    key,
  );
  const [row] = await em.execute<{ sequence: string }[]>(
    'select sequence from event_watermarks where node_id = ? and spool_id = ? for update',
    key,
  );
  if (row === undefined) throw new Error('The watermark’s row is missing.');
  return Number(row.sequence);
}

/** What lies above the watermark, in the order of the sequence, each event once. */
function eventsAbove(watermark: number, events: readonly Event[]): Event[] {
  let last = watermark;
  return events
    .toSorted((a, b) => a.sequence - b.sequence)
    .filter((event) => {
      if (event.sequence <= last) return false;
      last = event.sequence;
      return true;
    });
}

/** Which of these organizations the group serves now. */
async function organizationsOfGroup(
  em: EntityManager,
  groupId: string,
  organizationIds: ReadonlySet<string>,
): Promise<Set<string>> {
  const rows = await em.execute<{ id: string }[]>(
    `select o.id from organizations o join node_groups g on g.id = ?
     where o.id in (select value::uuid from jsonb_array_elements_text(?::jsonb))
       and (g.serves_all_organizations or exists (select from node_group_organizations a
         where a.node_group_id = g.id and a.organization_id = o.id))`,
    [groupId, JSON.stringify([...organizationIds])],
  );
  return new Set(rows.map(({ id }) => id));
}

/**
 * Inserts rows of one table. Rows are checked before they come here; should the database refuse one all
 * the same, it is found by halving and becomes a reject, and the rest is written.
 */
async function insertTolerant(
  em: EntityManager,
  origin: EventOrigin,
  rows: readonly EventRow[],
): Promise<EventRow[]> {
  const written: EventRow[] = [];
  for (const slice of slices(rows)) {
    try {
      // A savepoint: what the database refuses doesn't end the whole transaction.
      await em.transactional((inner) => insert(inner, origin, slice));
      written.push(...slice);
    } catch (error) {
      const code = dataErrorCode(error);
      if (code === undefined) throw error;
      const [only] = slice;
      if (slice.length === 1 && only) {
        // The code alone: a database's message may quote the row.
        const reason = `the database refused it (SQLSTATE ${code})`;
        written.push({ table: 'event_rejects', event: only.event, error: reason });
        continue;
      }
      const half = slice.length >> 1;
      written.push(...(await insertTolerant(em, origin, slice.slice(0, half))));
      written.push(...(await insertTolerant(em, origin, slice.slice(half))));
    }
  }
  return written;
}

/** SQLSTATE of data exceptions and broken constraints (classes 22 and 23): the row's fault alone. */
function dataErrorCode(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^2[23]/.test(code) ? code : undefined;
}

async function insert(
  em: EntityManager,
  origin: EventOrigin,
  rows: readonly EventRow[],
): Promise<void> {
  const [first] = rows;
  if (!first) return;
  const values = rows.map((row) => columns(row, origin));
  await em.execute(inserts[first.table], [origin.nodeId, JSON.stringify(values)]);
}

function columns(row: EventRow, origin: EventOrigin): object {
  const position = { spool_id: origin.spoolId, sequence: row.event.sequence };
  switch (row.table) {
    case 'request_logs':
    case 'request_refusals':
      return { id: uuidV7(), ...row.row };
    case 'event_gaps':
      return { ...position, ...row.row };
    case 'event_rejects': {
      const payload = contracts.events.Event.serialize(row.event).toString('base64');
      return { ...position, payload, error: row.error };
    }
  }
}

function* slices(rows: readonly EventRow[]): Generator<readonly EventRow[]> {
  for (let start = 0; start < rows.length; start += rowsPerInsert) {
    yield rows.slice(start, start + rowsPerInsert);
  }
}
