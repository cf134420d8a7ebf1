import { isUuid } from '../input/text-rules.ts';
import type { Store } from '../store/store.ts';

/** What policies in shadow mode would have decided otherwise. */
export interface ShadowCounts {
  readonly wouldDeny: number;
  readonly wouldAllow: number;
  readonly wouldFail: number;
}

export interface PolicyShadowCounts extends ShadowCounts {
  readonly policyId: string;
  /** Null: the policy has been deleted. */
  readonly policyName: string | null;
}

export interface ToolShadowCounts extends ShadowCounts {
  readonly serverId: string | null;
  /** Null: the server has been deleted. */
  readonly server: string | null;
  readonly method: string;
  readonly target: string;
}

export interface PrincipalShadowCounts extends ShadowCounts {
  readonly subject: string;
}

/** Counts of a period; each table holds those with the most, at most `shadowTopMax`. */
export interface ShadowSummary {
  readonly totals: ShadowCounts;
  readonly byPolicy: readonly PolicyShadowCounts[];
  readonly byTool: readonly ToolShadowCounts[];
  readonly byPrincipal: readonly PrincipalShadowCounts[];
  /** The period has more calls than are counted: these are the newest. */
  readonly isCut: boolean;
}

/** Rows of one table. */
const shadowTopMax = 50;
/** Calls with shadow decisions that one summary counts. */
const callsMax = 200_000;

const outcomes = `
  count(*) filter (where outcome = 'would_deny')::int as "wouldDeny",
  count(*) filter (where outcome = 'would_allow')::int as "wouldAllow",
  count(*) filter (where outcome = 'would_fail')::int as "wouldFail"`;

const selectCounts = `
with calls as materialized (
  select server_id, method, target, subject, shadow_decisions from request_logs
  where organization_id = ? and received_at >= ? and received_at < ?
    and shadow_decisions is not null and phase <> 'end'
    and (?::jsonb is null or shadow_decisions @> ?::jsonb)
  order by received_at desc limit ?),
decided as (
  select c.server_id, c.method, c.target, c.subject, d."policyId" as policy_id, d.outcome
  from calls c
  cross join lateral jsonb_to_recordset(c.shadow_decisions) as d("policyId" uuid, outcome text)
  where (?::uuid is null or d."policyId" = ?::uuid)),
counted as (
  select grouping(policy_id, subject, server_id) as grouped, policy_id, server_id, method, target,
    subject, ${outcomes}, count(*) as total
  from decided
  group by grouping sets ((), (policy_id), (server_id, method, target), (subject))),
ranked as (
  select *, row_number() over (partition by grouped
    order by total desc, policy_id, server_id, method, target, subject) as place
  from counted)
select r.grouped, r.policy_id as "policyId", p.name as "policyName", r.server_id as "serverId",
  s.slug as server, r.method, r.target, r.subject, r."wouldDeny", r."wouldAllow", r."wouldFail",
  (select count(*) from calls)::int as calls
from ranked r
left join policies p on p.organization_id = ? and p.id = r.policy_id
left join mcp_servers s on s.organization_id = ? and s.id = r.server_id
where r.place <= ? order by r.grouped, r.place`;

/** Which columns a row does not group by, as `grouping` says it. */
const groupedBy = { policy: 0b011, principal: 0b101, tool: 0b110, nothing: 0b111 } as const;

interface CountRow extends PolicyShadowCounts, ToolShadowCounts, PrincipalShadowCounts {
  readonly grouped: number;
  readonly calls: number;
}

const none: ShadowCounts = { wouldDeny: 0, wouldAllow: 0, wouldFail: 0 };

/**
 * Counts what policies in shadow mode would have decided otherwise in a period of receipt, by policy, tool and
 * caller. A long stream counts once, by its start.
 * @param policyId of one policy alone; null: of all.
 */
export async function countShadowDecisions(
  store: Store,
  organizationId: string,
  { since, until }: { readonly since: Date; readonly until: Date },
  policyId: string | null,
): Promise<ShadowSummary> {
  const wanted = policyId !== null && isUuid(policyId) ? policyId.toLowerCase() : null;
  const contained = wanted === null ? null : JSON.stringify([{ policyId: wanted }]);
  const rows = await store.withOrganization(organizationId, (em) =>
    em.execute<CountRow[]>(selectCounts, [
      ...[organizationId, since, until, contained, contained, callsMax + 1],
      ...[wanted, wanted, organizationId, organizationId, shadowTopMax],
    ]),
  );
  const of = (grouped: number) => rows.filter((row) => row.grouped === grouped);
  return {
    totals: of(groupedBy.nothing)[0] ?? none,
    byPolicy: of(groupedBy.policy),
    byTool: of(groupedBy.tool),
    byPrincipal: of(groupedBy.principal),
    isCut: (rows[0]?.calls ?? 0) > callsMax,
  };
}
