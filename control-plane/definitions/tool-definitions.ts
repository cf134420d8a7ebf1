import type { EntityManager } from '@mikro-orm/postgresql';
import type { JsonObject } from '../audit/canonical-json.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isStorableText, isUuid } from '../input/text-rules.ts';
import type { Store } from '../store/store.ts';
import type { DefinitionKind } from './offered-definition.ts';

/**
 * How what a server offers stands to what was approved: `approved` is the same, `changed` is another
 * definition of the same name, `not_approved` was never looked at.
 */
export const toolApprovals = ['approved', 'changed', 'not_approved'] as const;
export type ToolApproval = (typeof toolApprovals)[number];

/** What a server offers under one name, with what is approved of it. */
export interface DefinitionRow {
  readonly id: string;
  readonly organizationId: string;
  readonly serverId: string;
  readonly name: string;
  readonly definition: JsonObject;
  /** SHA-256 of the canonical form, lower-case hex. */
  readonly hash: string;
  readonly firstSeenAt: Date;
  readonly changedAt: Date;
  /** Since when the server no longer offers it; null: it does. */
  readonly goneAt: Date | null;
  readonly approval: ToolApproval;
  readonly pinnedDefinition: JsonObject | null;
  readonly pinnedHash: string | null;
  readonly approvedBy: string | null;
  readonly approvedAt: Date | null;
}

export interface DefinitionFilterFields {
  readonly serverId?: string | null | undefined;
  readonly search?: string | null | undefined;
  readonly approval?: ToolApproval | null | undefined;
}

const approval = `case when p.id is null then 'not_approved' when p.hash = d.hash then 'approved'
  else 'changed' end`;

/** The mapper leaves times of plain statements as text. */
type TimeColumn = 'firstSeenAt' | 'changedAt' | 'goneAt' | 'approvedAt';
type SelectedRow = Omit<DefinitionRow, TimeColumn> & {
  readonly [Column in TimeColumn]: number | null;
};

function milliseconds(column: string): string {
  return `floor(extract(epoch from ${column}) * 1000)::double precision`;
}

function rowOf(selected: SelectedRow): DefinitionRow {
  const { firstSeenAt, changedAt, goneAt, approvedAt } = selected;
  return {
    ...selected,
    firstSeenAt: new Date(firstSeenAt ?? 0),
    changedAt: new Date(changedAt ?? 0),
    goneAt: goneAt === null ? null : new Date(goneAt),
    approvedAt: approvedAt === null ? null : new Date(approvedAt),
  };
}

const select = `
select d.id, d.organization_id as "organizationId", d.server_id as "serverId", d.name, d.definition,
  encode(d.hash, 'hex') as hash, ${milliseconds('d.first_seen_at')} as "firstSeenAt",
  ${milliseconds('d.changed_at')} as "changedAt", ${milliseconds('d.gone_at')} as "goneAt",
  ${approval} as approval, p.definition as "pinnedDefinition", encode(p.hash, 'hex') as "pinnedHash",
  p.approved_by as "approvedBy", ${milliseconds('p.approved_at')} as "approvedAt"
from server_definitions d
left join tool_pins p on p.organization_id = d.organization_id and p.server_id = d.server_id
  and p.tool = d.name and d.kind = 'tool'`;

interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

function conditionsOf(
  organizationId: string,
  kind: DefinitionKind,
  filter: DefinitionFilterFields,
): Condition[] {
  const conditions: Condition[] = [
    { sql: 'd.organization_id = ? and d.kind = ?', values: [organizationId, kind] },
  ];
  const { serverId, search, approval: wanted } = filter;
  if (typeof serverId === 'string') {
    // What is no id names no server.
    if (isUuid(serverId)) conditions.push({ sql: 'd.server_id = ?', values: [serverId] });
    else conditions.push({ sql: 'false', values: [] });
  }
  if (typeof search === 'string' && search !== '' && isStorableText(search)) {
    const pattern = `%${search.replaceAll(/[\\%_]/g, '\\$&')}%`;
    conditions.push({
      sql: `(d.name ilike ? or d.definition ->> 'title' ilike ? or d.definition ->> 'description' ilike ?)`,
      values: [pattern, pattern, pattern],
    });
  }
  if (wanted) conditions.push({ sql: `${approval} = ?`, values: [wanted] });
  return conditions;
}

/** A page of what the organization's servers offer, in the order in which it was seen first. */
export async function listDefinitions(
  store: Store,
  organizationId: string,
  kind: DefinitionKind,
  { filter, page }: { readonly filter: DefinitionFilterFields; readonly page: PageRequest },
): Promise<Page<DefinitionRow>> {
  const conditions = conditionsOf(organizationId, kind, filter);
  const { size, cursor, backward } = page;
  if (cursor !== undefined) {
    conditions.push({ sql: `d.id ${backward ? '<' : '>'} ?`, values: [cursor[0]] });
  }
  const rows = await store.withOrganization(organizationId, (em) =>
    em.execute<SelectedRow[]>(
      `${select} where ${conditions.map(({ sql }) => sql).join(' and ')}
       order by d.id ${backward ? 'desc' : 'asc'} limit ?`,
      [...conditions.flatMap(({ values }) => values), size + 1],
    ),
  );
  const more = rows.length > size;
  const items = rows.slice(0, size).map(rowOf);
  if (backward) items.reverse();
  const isInside = cursor !== undefined;
  return {
    items,
    hasNextPage: backward ? isInside : more,
    hasPreviousPage: backward ? more : isInside,
  };
}

/** What a server offers as this tool, or offered when it was approved. */
export async function findTool(
  em: EntityManager,
  of: { readonly organizationId: string; readonly serverId: string; readonly tool: string },
): Promise<DefinitionRow | undefined> {
  const [row] = await em.execute<SelectedRow[]>(
    `${select} where d.organization_id = ? and d.server_id = ? and d.kind = 'tool' and d.name = ?`,
    [of.organizationId, of.serverId, of.tool],
  );
  return row && rowOf(row);
}
