import type { EntityManager } from '@mikro-orm/postgresql';
import { notifyNodes } from '../store/notify.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import type { NodePrincipal } from './node-authenticator.ts';
import type { NodeHello } from './node-hello.ts';
import type { Rejection } from './rejection-registry.ts';

/** What changed about one node, as one batch writes it. Undefined leaves a column as it is. */
export interface NodeStatusChange {
  readonly nodeId: string;
  readonly instanceId: string;
  readonly connected: boolean;
  readonly receivedRevision?: number;
  /** Last revision of which the node can use everything. */
  readonly appliedRevision?: number;
  /** When it acknowledged that, by this replica's clock. */
  readonly appliedAtMs?: number;
  /** The node followed the revisions after this one, and counts for their rollout. */
  readonly followedFrom?: number;
  /** Last revision of which it refused something. */
  readonly rejectedRevision?: number;
  readonly nack?: {
    readonly at: string;
    readonly revision: number;
    readonly rejected: readonly Rejection[];
  };
  readonly conditions: readonly {
    readonly type: string;
    readonly since: string;
    readonly message: string;
  }[];
}

/** A stream that this replica holds, as its lease is renewed. */
export interface NodeLease {
  readonly nodeId: string;
  readonly instanceId: string;
}

/** Revisions before the acknowledged one that a single acknowledgment counts for, at most. */
const rolloutRevisionsMax = 1000;

/**
 * Makes or takes over the row of the node that a token speaks for: whoever opened a stream last is shown.
 * @returns the node's id.
 */
export async function openNodeRow(
  em: EntityManager,
  principal: NodePrincipal,
  hello: NodeHello,
  replica: string,
): Promise<string> {
  const [row] = await em.execute<{ id: string }[]>(
    `insert into nodes as n (id, node_group_id, name, node_token_id, instance_id, build,
       advertised_url, connected, replica, connected_at, last_seen_at)
     values (?, ?, ?, ?, ?, ?, ?, true, ?, now(), now())
     on conflict (node_group_id, name) do update set
       node_token_id = excluded.node_token_id, instance_id = excluded.instance_id,
       build = excluded.build, advertised_url = excluded.advertised_url, connected = true,
       replica = excluded.replica, connected_at = now(), last_seen_at = now(), conditions = '[]',
       updated_at = now()
     returning id`,
    [
      uuidV7(),
      principal.groupId,
      principal.nodeName,
      principal.tokenRowId,
      hello.instanceId,
      hello.build,
      hello.advertisedUrl === '' ? null : hello.advertisedUrl,
      replica,
    ],
  );
  if (row === undefined) throw new Error('The node’s row was not written.');
  await notifyNodes(em);
  return row.id;
}

const changesQuery = `
with incoming as materialized (
  select * from jsonb_to_recordset(?::jsonb) as r("nodeId" uuid, "instanceId" text, connected boolean,
    "receivedRevision" bigint, "appliedRevision" bigint, "appliedAgeMs" double precision,
    "followedFrom" bigint, "rejectedRevision" bigint, nack jsonb, conditions jsonb)
), before as materialized (
  select n.id, n.node_group_id, n.applied_revision from nodes n
  join incoming i on i."nodeId" = n.id
  where n.instance_id = i."instanceId" and n.replica = ?
  order by n.id for update of n
), written as (
  update nodes n set
    connected = i.connected,
    disconnected_at = case when i.connected then n.disconnected_at else now() end,
    last_seen_at = now(),
    received_revision = coalesce(i."receivedRevision", n.received_revision),
    applied_revision = coalesce(i."appliedRevision", n.applied_revision),
    applied_at = coalesce(now() - i."appliedAgeMs" * interval '1 ms', n.applied_at),
    lag_ms = (select floor(extract(epoch from now() - min(c.committed_at)) * 1000)
      from config_changes c
      where c.revision = coalesce(i."appliedRevision", n.applied_revision) + 1),
    last_nack = coalesce(i.nack, n.last_nack),
    conditions = i.conditions,
    updated_at = now()
  from incoming i join before b on b.id = i."nodeId"
  where n.id = b.id
), expected as (
  select node_group_id, count(*)::integer as nodes from nodes where connected group by node_group_id
), counted as (
  select c.revision, b.node_group_id, 1 as applied, 0 as rejected,
    now() - i."appliedAgeMs" * interval '1 ms' as at
  from incoming i join before b on b.id = i."nodeId"
  join config_changes c on c.revision <= i."appliedRevision"
    and c.revision > greatest(b.applied_revision, i."followedFrom",
      i."appliedRevision" - ${rolloutRevisionsMax})
  where i."followedFrom" is not null
  union all
  select i."rejectedRevision", b.node_group_id, 0, 1, null
  from incoming i join before b on b.id = i."nodeId"
  where i."rejectedRevision" is not null
)
insert into revision_rollouts as r (revision, node_group_id, nodes_expected, nodes_applied,
  nodes_rejected, first_applied_at, last_applied_at)
select c.revision, c.node_group_id, coalesce(max(e.nodes), 0), sum(c.applied), sum(c.rejected),
  min(c.at), max(c.at)
from counted c left join expected e using (node_group_id)
group by c.revision, c.node_group_id
order by c.revision, c.node_group_id
on conflict (revision, node_group_id) do update set
  nodes_expected = greatest(r.nodes_expected, excluded.nodes_expected),
  nodes_applied = r.nodes_applied + excluded.nodes_applied,
  nodes_rejected = r.nodes_rejected + excluded.nodes_rejected,
  first_applied_at = least(r.first_applied_at, excluded.first_applied_at),
  last_applied_at = greatest(r.last_applied_at, excluded.last_applied_at),
  updated_at = now()`;

/**
 * Writes what changed about some nodes, at most one change for each, and adds to the rollouts of the
 * revisions that they took. Rows that another stream has taken over are left alone.
 */
export async function writeNodeChanges(
  em: EntityManager,
  changes: readonly NodeStatusChange[],
  replica: string,
  nowMs: number,
): Promise<void> {
  const rows = changes.map(({ appliedAtMs, ...change }) => ({
    ...change,
    // An age instead of a time: the database's clock decides, whatever ours says.
    ...(appliedAtMs === undefined ? {} : { appliedAgeMs: Math.max(0, nowMs - appliedAtMs) }),
  }));
  await em.execute(changesQuery, [JSON.stringify(rows), replica]);
  await notifyNodes(em);
}

/**
 * Renews the leases of the nodes whose streams this replica holds, and takes rows over whose holder has
 * gone while another stream of the node stands here. Then shows as disconnected what nobody renews.
 */
export async function renewNodeLeases(
  em: EntityManager,
  leases: readonly NodeLease[],
  replica: string,
  leaseMs: number,
): Promise<void> {
  const leaseSeconds = leaseMs / 1000;
  await em.execute(
    `update nodes n set last_seen_at = now(), connected = true, replica = ?,
       instance_id = l."instanceId",
       lag_ms = (select floor(extract(epoch from now() - c.committed_at) * 1000)
         from config_changes c where c.revision = n.applied_revision + 1),
       updated_at = case when n.connected then n.updated_at else now() end
     from jsonb_to_recordset(?::jsonb) as l("nodeId" uuid, "instanceId" text)
     where n.id = l."nodeId" and ((n.instance_id = l."instanceId" and n.replica = ?)
       or not n.connected or n.last_seen_at < now() - ? * interval '1 second')`,
    [replica, JSON.stringify(leases), replica, leaseSeconds],
  );
  const stale = await em.execute<{ id: string }[]>(
    `update nodes set connected = false, disconnected_at = last_seen_at, updated_at = now()
     where connected and last_seen_at < now() - ? * interval '1 second' returning id`,
    [leaseSeconds],
  );
  if (stale.length > 0) await notifyNodes(em);
}
