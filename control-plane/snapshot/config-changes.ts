import type { Store } from '../store/store.ts';
import {
  type ConfigRows,
  type DatabasePosition,
  decodedRows,
  type EncodedRows,
  rowSelects,
} from './config-rows.ts';
import { type RevisionEntries, touchingKinds } from './touched-rows.ts';

/** What has happened since a revision. */
export interface ConfigChanges extends DatabasePosition {
  /** The revisions since, in order; fewer than there were when there are more than were asked for. */
  readonly revisions: readonly RevisionEntries[];
  /** The rows that they touched, as they are now, some twice; of groups all, when any was touched. */
  readonly rows: ConfigRows;
}

type EncodedChanges = DatabasePosition & EncodedRows & Pick<ConfigChanges, 'revisions'>;

function touched(columns: string, kinds: readonly string[]): string {
  const list = kinds.map((kind) => `'${kind}'`).join(', ');
  return `select ${columns} from touched t where t.kind in (${list})`;
}

/** An array of what a select of rows finds under a condition. */
function found(rows: keyof EncodedRows, condition: string): string {
  return `coalesce((select jsonb_agg(found) from (${rowSelects[rows]} where ${condition}) found), '[]')`;
}

/** By the whole key of a table of an organization: its index begins with the organization. */
const inOrganization = 't.organization_id, t.id::uuid';

/**
 * Condition that a policy is of an organization where something was touched. As an array: whatever is believed
 * of how much was touched, the planner then takes an index instead of reading every policy that there is.
 */
function touchedOrganizations(kinds: readonly string[]): string {
  return `p.organization_id = any (array(${touched('t.organization_id', kinds)}))`;
}

const touchedRoles = touched(inOrganization, touchingKinds.customRoles);

// Unions, not "or": each half then has an index, and most changes touch neither.
const touchedMembers = `
  select held.organization_id, held.user_id from memberships held
  where held.user_id in (${touched('t.id::uuid', touchingKinds.users)})
  union select held.organization_id, held.user_id from memberships held
  where (held.organization_id, held.custom_role_id) in (${touchedRoles})`;

const touchedAccounts = `
  ${touched(inOrganization, touchingKinds.serviceAccounts)}
  union select acting.organization_id, acting.id from service_accounts acting
  where (acting.organization_id, acting.custom_role_id) in (${touchedRoles})`;

/**
 * Everything in one statement, which sees one state of the database by itself: a change is on its way to
 * the nodes after one round trip instead of one for each table and two for a transaction around them.
 */
const statement = {
  name: 'config_changes',
  text: `
with position as materialized (
  select revision from platform_state
), changes as materialized (
  select c.revision, c.organization_id, c.entries from config_changes c
  where c.revision > $1::bigint and (select revision from position) <= $1::bigint + $2::bigint
), touched as materialized (
  select c.organization_id, e.kind, e.id
  from changes c, jsonb_to_recordset(c.entries) as e(kind text, id text)
)
select jsonb_build_object(
  'epoch', mcpgw_database_epoch(),
  'revision', (select revision from position),
  'revisions', coalesce((select jsonb_agg(entries order by revision) from changes), '[]'),
  'organizations', ${found('organizations', `o.id in (${touched('t.id::uuid', touchingKinds.organizations)})`)},
  'apiKeys', ${found('apiKeys', `(k.organization_id, k.id) in (${touched(inOrganization, touchingKinds.apiKeys)})`)}
    || ${found('apiKeys', `(k.organization_id, k.subject_user_id) in (${touchedMembers})`)}
    || ${found('apiKeys', `(k.organization_id, k.service_account_id) in (${touchedAccounts})`)},
  'servers', ${found('servers', `(s.organization_id, s.id) in (${touched(inOrganization, touchingKinds.servers)})`)},
  'revocations', ${found('revocations', `r.change_id in (${touched('t.id::uuid', touchingKinds.revocations)})`)},
  'groups', ${found('groups', `exists (${touched('', touchingKinds.groups)})`)},
  'sealKeys', ${found('sealKeys', `w.node_group_id in (${touched('t.id::uuid', touchingKinds.sealKeys)})`)},
  'issuers', ${found(
    'issuers',
    `(i.organization_id, i.id) in (${touched(inOrganization, touchingKinds.issuers)})
    or i.organization_id in (${touched('t.organization_id', touchingKinds.issuerRoles)})`,
  )},
  'signingKeys', ${found('signingKeys', `exists (${touched('', touchingKinds.signingKeys)})`)},
  'policies', ${found('policies', `(p.organization_id, p.id) in (${touched(inOrganization, touchingKinds.policies)})`)}
    || ${found('policies', touchedOrganizations(touchingKinds.policyOrders))}
    || ${found('policies', `${touchedOrganizations(touchingKinds.namedServers)} and p.servers <> '{}'`)},
  'toolPins', ${found('toolPins', `(n.organization_id, n.id) in (${touched(inOrganization, touchingKinds.toolPins)})`)}
)::text as changes`,
};

/**
 * Reads what has happened since a revision, and the rows that it touched. No revisions come when there are
 * more than `revisionsMax`.
 */
export async function readConfigChanges(
  store: Store,
  sinceRevision: number,
  revisionsMax: number,
): Promise<ConfigChanges> {
  const [row] = await store.readSystem<{ changes: string }>(statement, [
    sinceRevision,
    revisionsMax,
  ]);
  if (row === undefined) throw new Error('The database has no platform state.');
  const { epoch, revision, revisions, ...rows }: EncodedChanges = JSON.parse(row.changes);
  if (revision === null) throw new Error('The database has no platform state.');
  return { epoch, revision, revisions, rows: decodedRows(rows) };
}
