import type { EntityManager } from '@mikro-orm/postgresql';
import { uuidV7 } from '../store/uuid-v7.ts';
import type { FetchedDefinitions } from './fetch-definitions.ts';

/**
 * Of what is there already, only what differs is written. What the server no longer offers is deleted,
 * unless it is approved: then it stays, for whoever reviews approvals.
 */
const statement = `
with offered as materialized (
  select o.id, o.kind, o.name, o.definition, decode(o.sha256, 'hex') as hash
  from jsonb_to_recordset(?::jsonb)
    as o(id uuid, kind text, name text, definition jsonb, sha256 text)
), written as (
  insert into server_definitions as d (organization_id, id, server_id, kind, name, definition, hash)
  select ?, o.id, ?, o.kind, o.name, o.definition, o.hash from offered o
  on conflict (organization_id, server_id, kind, name) do update
    set definition = excluded.definition, hash = excluded.hash, gone_at = null,
      changed_at = case when d.hash = excluded.hash then d.changed_at else now() end
    where d.hash <> excluded.hash or d.gone_at is not null
  returning d.id
), absent as (
  select d.id, d.gone_at, exists (select from tool_pins p
    where p.organization_id = d.organization_id and p.server_id = d.server_id
      and d.kind = 'tool' and p.tool = d.name) as pinned
  from server_definitions d
  where d.organization_id = ? and d.server_id = ? and d.kind = any (?::text[])
    and not exists (select from offered o where o.kind = d.kind and o.name = d.name)
), deleted as (
  delete from server_definitions d using absent a
  where d.organization_id = ? and d.id = a.id and not a.pinned
  returning d.id
), left_over as (
  update server_definitions d set gone_at = now() from absent a
  where d.organization_id = ? and d.id = a.id and a.pinned and a.gone_at is null
  returning d.id
)
select (select count(*) from written)::int + (select count(*) from deleted)::int
  + (select count(*) from left_over)::int as changes`;

/** Makes the server's definitions those that it offers now. @returns whether that changed anything. */
export async function saveDefinitions(
  em: EntityManager,
  { organizationId, id: serverId }: { readonly organizationId: string; readonly id: string },
  { definitions, listed }: FetchedDefinitions,
): Promise<boolean> {
  // Pages follow ids, and ids of one millisecond are in no order: sorted, they keep the server's own.
  const ids = definitions.map(() => uuidV7()).sort();
  const rows = definitions.map(({ kind, name, definition, sha256 }, index) => ({
    ...{ id: ids[index], kind, name, definition, sha256 },
  }));
  const [result] = await em.execute<{ changes: number }[]>(statement, [
    JSON.stringify(rows),
    ...[organizationId, serverId],
    ...[organizationId, serverId, `{${[...listed].join(',')}}`],
    ...[organizationId, organizationId],
  ]);
  return (result?.changes ?? 0) > 0;
}
