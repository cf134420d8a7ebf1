import type { EntityManager } from '@mikro-orm/postgresql';
import { readEpoch } from '../store/epoch.ts';
import type { ApiKeyRow } from './api-key-resource.ts';
import type { GroupRow } from './group-view.ts';
import type { OrganizationRow } from './organization-resource.ts';
import type { ServerRow } from './server-resource.ts';

/** Which rows to read: all, or those with these ids. */
export type RowSelection = 'all' | ReadonlySet<string>;

/** A condition that holds for the selected ids of a column, with its parameters. */
function among(column: string, selection: RowSelection): { sql: string; parameters: string[] } {
  if (selection === 'all') return { sql: 'true', parameters: [] };
  return {
    sql: `${column} in (select value::uuid from jsonb_array_elements_text(?::jsonb))`,
    parameters: [JSON.stringify([...selection])],
  };
}

/** Where the database stands: its history and its last revision. */
export async function readPosition(
  em: EntityManager,
): Promise<{ epoch: string; revision: number }> {
  const epoch = await readEpoch(em);
  const [row] = await em.execute<{ revision: string }[]>('select revision from platform_state');
  if (row === undefined) throw new Error('The database has no platform state.');
  return { epoch, revision: Number(row.revision) };
}

/** What one revision touched. */
export interface RevisionRow {
  readonly organizationId: string | null;
  readonly entries: readonly { readonly kind: string; readonly id: string }[];
}

/** The revisions after one, in order, at most `max`. */
export async function readRevisions(
  em: EntityManager,
  after: number,
  max: number,
): Promise<RevisionRow[]> {
  return em.execute<RevisionRow[]>(
    `select organization_id as "organizationId", entries from config_changes
     where revision > ? order by revision limit ?`,
    [after, max],
  );
}

export async function readOrganizations(
  em: EntityManager,
  selection: RowSelection,
): Promise<OrganizationRow[]> {
  const which = among('id', selection);
  return em.execute<OrganizationRow[]>(
    `select id, slug, enabled, must_audit as "mustAudit", to_jsonb(allowed_origins) as "allowedOrigins"
     from organizations where ${which.sql}`,
    which.parameters,
  );
}

/** Which API keys: by their own ids, or all of these users. */
export interface ApiKeySelection {
  readonly ids: RowSelection;
  readonly userIds: ReadonlySet<string>;
}

/** A key that may be used is to be streamed; a revoked one, or one of a disabled user, is not. */
export interface SelectedApiKey extends ApiKeyRow {
  readonly usable: boolean;
}

/** API keys, revoked ones included; a member's key has the role of the membership. */
export async function readApiKeys(
  em: EntityManager,
  selection: ApiKeySelection,
): Promise<SelectedApiKey[]> {
  const byId = among('k.id', selection.ids);
  const byUser = among('k.subject_user_id', selection.userIds);
  const rows = await em.execute<
    (Omit<SelectedApiKey, 'expiresAtMs'> & { expiresAtMs: string | null })[]
  >(
    `select k.id, k.key_id as "keyId", k.organization_id as "organizationId",
       k.secret_hash as "secretHash",
       case when k.subject_user_id is null then 'service:' || k.subject_service_id
         else 'user:' || k.subject_user_id end as subject,
       case when k.subject_user_id is null then to_jsonb(k.roles)
         else coalesce(to_jsonb(array[m.role]), '[]') end as roles,
       to_jsonb(k.scopes) as scopes, k.label,
       floor(extract(epoch from k.expires_at) * 1000)::bigint as "expiresAtMs",
       k.revoked_at is null and (k.subject_user_id is null
         or (m.role is not null and u.disabled_at is null)) as usable
     from api_keys k
     left join memberships m
       on m.organization_id = k.organization_id and m.user_id = k.subject_user_id
     left join users u on u.id = k.subject_user_id
     where ${byId.sql} or ${byUser.sql}`,
    [...byId.parameters, ...byUser.parameters],
  );
  return rows.map((row) => ({
    ...row,
    expiresAtMs: row.expiresAtMs === null ? undefined : Number(row.expiresAtMs),
  }));
}

/** A server with its credential still sealed. */
export interface SealedServerRow extends Omit<ServerRow, 'credential' | 'era' | 'transport'> {
  readonly transport: 'streamable-http' | 'http-sse';
  readonly era: 'legacy' | 'modern' | 'dual' | null;
  readonly header: string | null;
  readonly ciphertext: Buffer | null;
  readonly wrappedKey: Buffer | null;
  readonly masterKeyId: string | null;
}

export async function readServers(
  em: EntityManager,
  selection: RowSelection,
): Promise<SealedServerRow[]> {
  const which = among('s.id', selection);
  return em.execute<SealedServerRow[]>(
    `select s.id, s.organization_id as "organizationId", s.slug, s.enabled, s.transport, s.era,
       coalesce(s.connect_timeout_ms, 0) as "connectTimeoutMs",
       coalesce(s.request_timeout_ms, 0) as "requestTimeoutMs",
       coalesce((select jsonb_agg(jsonb_build_object('id', e.id, 'url', e.url, 'weight', e.weight))
         from mcp_endpoints e
         where e.organization_id = s.organization_id and e.server_id = s.id), '[]') as endpoints,
       c.header, c.ciphertext, c.wrapped_key as "wrappedKey", c.master_key_id as "masterKeyId"
     from mcp_servers s
     left join upstream_secrets c on c.organization_id = s.organization_id and c.server_id = s.id
     where ${which.sql}`,
    which.parameters,
  );
}

/** All node groups, each with the organizations assigned to it. */
export async function readGroups(em: EntityManager): Promise<GroupRow[]> {
  const rows = await em.execute<
    (Omit<GroupRow, 'organizationIds'> & { organizationIds: string[] })[]
  >(
    `select g.id, g.name, g.serves_all_organizations as "servesAll",
       coalesce((select jsonb_agg(o.organization_id) from node_group_organizations o
         where o.node_group_id = g.id), '[]') as "organizationIds"
     from node_groups g`,
  );
  return rows.map((row) => ({ ...row, organizationIds: new Set(row.organizationIds) }));
}

/** A key of a group's ring, still wrapped. */
export interface WrappedSealKeyRow {
  readonly nodeGroupId: string;
  readonly id: string;
  readonly wrappedKey: Buffer;
  readonly primary: boolean;
}

/** The rings of the selected groups. */
export async function readSealKeys(
  em: EntityManager,
  selection: RowSelection,
): Promise<WrappedSealKeyRow[]> {
  const which = among('node_group_id', selection);
  return em.execute<WrappedSealKeyRow[]>(
    `select node_group_id as "nodeGroupId", id, wrapped_key as "wrappedKey", is_primary as "primary"
     from seal_keys where ${which.sql}`,
    which.parameters,
  );
}
