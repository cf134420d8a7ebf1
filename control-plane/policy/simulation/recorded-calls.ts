import type { EntityManager } from '@mikro-orm/postgresql';
import type { ArgumentState, CallDecision } from '../../store/entities/request-log.ts';
import type { Store } from '../../store/store.ts';

/** What of a call's record a decision can be made from again. */
export interface RecordedCall {
  readonly id: string;
  readonly callId: string;
  /** Milliseconds since the Unix epoch. */
  readonly receivedAtMs: number;
  readonly startedAtMs: number;
  readonly subject: string;
  readonly credentialId: string;
  readonly credentialKind: 'api_key' | 'access_token' | null;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly serverId: string | null;
  readonly era: 'legacy' | 'modern' | null;
  readonly method: string;
  readonly target: string;
  readonly decision: CallDecision;
  readonly reason: string;
  readonly clientName: string;
  readonly clientVersion: string;
  readonly address: string;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly argumentState: ArgumentState;
  /** JSON; null: not kept, or not asked for. */
  readonly args: string | null;
}

export interface RecordedPeriod {
  readonly since: Date;
  readonly until: Date;
}

/** Rows of one statement: with arguments 64 KiB each at most, so that a page stays in tens of megabytes. */
const rowsMax = { withArguments: 250, without: 500 } as const;

function pageStatement(withArguments: boolean): string {
  return `select id, call_id as "callId",
    (extract(epoch from received_at) * 1000)::double precision as "receivedAtMs",
    (extract(epoch from started_at) * 1000)::double precision as "startedAtMs",
    subject, credential_id as "credentialId", credential_kind as "credentialKind",
    principal_roles as roles, principal_scopes as scopes, server_id as "serverId", era, method,
    target, decision, reason, client_name as "clientName", client_version as "clientVersion",
    client_address as address, headers, argument_state as "argumentState",
    ${withArguments ? 'arguments::text' : 'null'} as args
  from request_logs
  where organization_id = ? and received_at >= ? and (received_at, id) < (?, ?) and phase <> 'end'
  order by received_at desc, id desc limit ?`;
}

/**
 * The records of an organization's calls in a period, newest first, page by page: each page is one statement in
 * a transaction of its own, found by the index whatever lies before it. A long stream counts once, by its start.
 */
export async function* recordedCalls(
  store: Store,
  organizationId: string,
  { since, until }: RecordedPeriod,
  withArguments: boolean,
): AsyncGenerator<readonly RecordedCall[], void, void> {
  const statement = pageStatement(withArguments);
  const limit = withArguments ? rowsMax.withArguments : rowsMax.without;
  // Before the first of a millisecond comes everything that is older.
  let position: readonly [Date, string] = [until, '00000000-0000-0000-0000-000000000000'];
  const readPage = (em: EntityManager) =>
    em.execute<RecordedCall[]>(statement, [organizationId, since, ...position, limit]);
  // The next page is on its way while this one is replayed.
  let next = store.withOrganization(organizationId, readPage);
  try {
    for (;;) {
      const page = await next;
      const last = page.at(-1);
      if (last === undefined) return;
      position = [new Date(last.receivedAtMs), last.id];
      const isLast = page.length < limit;
      if (!isLast) next = store.withOrganization(organizationId, readPage);
      yield page;
      if (isLast) return;
    }
  } finally {
    // Whoever stops early leaves nothing unattended.
    await next.catch(() => undefined);
  }
}
