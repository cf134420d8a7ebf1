import type { EntityManager } from '@mikro-orm/postgresql';
import { callingRoles } from '../store/entities/membership.ts';
import { readEpoch } from '../store/epoch.ts';
import type { ApiKeyRow } from './api-key-resource.ts';
import type { GroupRow } from './group-view.ts';
import type { IssuerRow, PublicJwk } from './issuer-resource.ts';
import type { OrganizationRow } from './organization-resource.ts';
import type { PolicyRow } from './policy-resource.ts';
import type { RevocationRow } from './revocation-resource.ts';
import type { ServerRow } from './server-resource.ts';
import type { ToolPinRow } from './tool-pin-resource.ts';

/** A key that may be used is to be streamed; a revoked one, or one of a disabled user, is not. */
export interface SelectedApiKey extends ApiKeyRow {
  readonly usable: boolean;
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

/** A key of a group's ring, still wrapped. */
export interface WrappedSealKeyRow {
  readonly nodeGroupId: string;
  readonly id: string;
  readonly wrappedKey: Buffer;
  /** Null: written before rows said so. */
  readonly masterKeyId: string | null;
  readonly primary: boolean;
}

/** An organization's issuer; usable: it vouches for calls, and its keys are known. */
export interface SelectedIssuer extends Omit<IssuerRow, 'jwks'> {
  readonly jwks: IssuerRow['jwks'] | null;
  readonly usable: boolean;
}

/** The public half of a key that signs the gateway's own tokens, or has signed them. */
export interface SigningKeyRow {
  readonly publicJwk: PublicJwk;
}

/** How JSON carries a row: bytes as base64, nothing as null. */
type Encoded<Row> = {
  readonly [Column in keyof Row]: Row[Column] extends ReadonlySet<infer Item>
    ? readonly Item[]
    : Row[Column] extends Uint8Array
      ? string
      : Row[Column] extends Buffer | null
        ? string | null
        : undefined extends Row[Column]
          ? Exclude<Row[Column], undefined> | null
          : Row[Column];
};

/** Rows as SQL selects them. */
export interface EncodedRows {
  readonly organizations: readonly OrganizationRow[];
  readonly apiKeys: readonly Encoded<SelectedApiKey>[];
  readonly servers: readonly Encoded<SealedServerRow>[];
  readonly revocations: readonly RevocationRow[];
  readonly groups: readonly Encoded<GroupRow>[];
  readonly sealKeys: readonly Encoded<WrappedSealKeyRow>[];
  readonly issuers: readonly SelectedIssuer[];
  readonly signingKeys: readonly SigningKeyRow[];
  readonly policies: readonly PolicyRow[];
  readonly toolPins: readonly Encoded<ToolPinRow>[];
}

/** The same, as the rest of the control plane knows them. */
export interface ConfigRows {
  readonly organizations: readonly OrganizationRow[];
  /** Revoked ones included. */
  readonly apiKeys: readonly SelectedApiKey[];
  readonly servers: readonly SealedServerRow[];
  readonly revocations: readonly RevocationRow[];
  /** All groups, each with the organizations assigned to it. */
  readonly groups: readonly GroupRow[];
  readonly sealKeys: readonly WrappedSealKeyRow[];
  readonly issuers: readonly SelectedIssuer[];
  /** All of them, when any was touched. */
  readonly signingKeys: readonly SigningKeyRow[];
  /** Enabled ones alone. */
  readonly policies: readonly PolicyRow[];
  readonly toolPins: readonly ToolPinRow[];
}

const callingRoleList = callingRoles.map((name) => `'${name}'`).join(', ');

/**
 * Condition that a role, named in SQL, allows calls of servers. Nodes get an issuer's other roles as empty:
 * who has one of them gets no further.
 */
function allowsCalls(role: string): string {
  return `(${role} in (${callingRoleList}) or exists (select from custom_roles c
    where c.organization_id = i.organization_id and c.name = ${role}
      and 'servers.call' = any (c.permissions)))`;
}

/**
 * Selects of rows; each only wants a condition. A key has the role of its member or of its service account;
 * when that role allows no calls, nodes get the key without scopes, so that it is good for none.
 */
export const rowSelects: Readonly<Record<keyof EncodedRows, string>> = {
  organizations: `
    select o.id, o.slug, o.enabled, o.must_audit as "mustAudit",
      to_jsonb(o.allowed_origins) as "allowedOrigins",
      o.stale_after_seconds as "staleAfterSeconds", o.policy_default as "policyDefault",
      o.tool_refusal_form as "toolRefusalForm", o.argument_recording as "argumentRecording",
      o.argument_bytes_max as "argumentBytesMax", to_jsonb(o.policy_headers) as "policyHeaders"
    from organizations o`,
  apiKeys: `
    select k.id, k.key_id as "keyId", k.organization_id as "organizationId",
      encode(k.secret_hash, 'base64') as "secretHash",
      case when k.subject_user_id is null then 'service:' || k.service_account_id
        else 'user:' || k.subject_user_id end as subject,
      coalesce(to_jsonb(array[coalesce(m.role, a.role, r.name)]), '[]') as roles,
      case when coalesce('servers.call' = any (r.permissions),
          coalesce(m.role, a.role) in (${callingRoleList}))
        then to_jsonb(k.scopes) else '[]' end as scopes, k.label,
      floor(extract(epoch from k.expires_at) * 1000)::double precision as "expiresAtMs",
      k.revoked_at is null and coalesce(m.role, a.role, r.name) is not null
        and u.disabled_at is null and a.disabled_at is null as usable
    from api_keys k
    left join memberships m
      on m.organization_id = k.organization_id and m.user_id = k.subject_user_id
    left join users u on u.id = k.subject_user_id
    left join service_accounts a
      on a.organization_id = k.organization_id and a.id = k.service_account_id
    left join custom_roles r on r.organization_id = k.organization_id
      and r.id = coalesce(m.custom_role_id, a.custom_role_id)`,
  servers: `
    select s.id, s.organization_id as "organizationId", s.slug, s.enabled, s.transport, s.era,
      coalesce(s.connect_timeout_ms, 0) as "connectTimeoutMs",
      coalesce(s.request_timeout_ms, 0) as "requestTimeoutMs",
      coalesce((select jsonb_agg(jsonb_build_object('id', e.id, 'url', e.url, 'weight', e.weight))
        from mcp_endpoints e
        where e.organization_id = s.organization_id and e.server_id = s.id), '[]') as endpoints,
      s.labels,
      c.header, encode(c.ciphertext, 'base64') as ciphertext,
      encode(c.wrapped_key, 'base64') as "wrappedKey", c.master_key_id as "masterKeyId"
    from mcp_servers s
    left join upstream_secrets c on c.organization_id = s.organization_id and c.server_id = s.id`,
  revocations: `
    select r.id, r.organization_id as "organizationId", r.subject,
      floor(extract(epoch from r.issued_before) * 1000)::double precision as "issuedBeforeMs",
      r.token_id as "tokenId", r.session_id as "sessionId",
      floor(extract(epoch from r.expires_at) * 1000)::double precision as "expiresAtMs"
    from revocations r`,
  groups: `
    select g.id, g.name, g.serves_all_organizations as "servesAll",
      coalesce((select jsonb_agg(a.organization_id) from node_group_organizations a
        where a.node_group_id = g.id), '[]') as "organizationIds"
    from node_groups g`,
  sealKeys: `
    select w.node_group_id as "nodeGroupId", w.id, encode(w.wrapped_key, 'base64') as "wrappedKey",
      w.master_key_id as "masterKeyId", w.is_primary as "primary"
    from seal_keys w`,
  issuers: `
    select i.id, i.organization_id as "organizationId", i.issuer_url as issuer, i.jwks,
      to_jsonb(i.algorithms) as algorithms, i.scope_mode as "scopeMode",
      to_jsonb(i.role_claim) as "roleClaim",
      coalesce((select jsonb_agg(jsonb_build_object('value', m.mapping ->> 'value', 'role',
          case when ${allowsCalls("m.mapping ->> 'role'")} then m.mapping ->> 'role' else '' end)
          order by m.place)
        from jsonb_array_elements(i.role_mappings) with ordinality as m(mapping, place)), '[]')
        as "roleMappings",
      case when ${allowsCalls('i.default_role')} then i.default_role end as "defaultRole", i.enabled and i.proxy_enabled as usable
    from issuers i`,
  signingKeys: `
    select k.public_jwk as "publicJwk" from signing_keys k`,
  policies: `
    select p.id, p.organization_id as "organizationId", p.name, p.revision, p.effect, p.mode,
      p.position, p.message, to_jsonb(p.servers) as servers, to_jsonb(p.methods) as methods,
      to_jsonb(p.tools) as tools, to_jsonb(p.resources) as resources,
      to_jsonb(p.prompts) as prompts, to_jsonb(p.roles) as roles,
      to_jsonb(p.subjects) as subjects, to_jsonb(p.api_keys) as "apiKeys", p.condition,
      coalesce((select jsonb_agg(s.id) from unnest(p.servers) named(slug)
        join mcp_servers s on s.organization_id = p.organization_id and s.slug = named.slug), '[]')
        as "serverIds"
    from (select * from policies where enabled) p`,
  toolPins: `
    select n.id, n.organization_id as "organizationId", n.server_id as "serverId", n.tool,
      encode(n.hash, 'base64') as hash,
      jsonb_build_object('title', n.definition #> '{annotations,title}',
        'readOnlyHint', n.definition #> '{annotations,readOnlyHint}',
        'destructiveHint', n.definition #> '{annotations,destructiveHint}',
        'idempotentHint', n.definition #> '{annotations,idempotentHint}',
        'openWorldHint', n.definition #> '{annotations,openWorldHint}') as annotations
    from tool_pins n`,
};

function bytes(encoded: string): Buffer {
  return Buffer.from(encoded, 'base64');
}

/** Rows as the rest of the control plane knows them. */
export function decodedRows(rows: EncodedRows): ConfigRows {
  return {
    organizations: rows.organizations,
    apiKeys: rows.apiKeys.map((row) => ({
      ...row,
      secretHash: bytes(row.secretHash),
      expiresAtMs: row.expiresAtMs ?? undefined,
    })),
    servers: rows.servers.map((row) => ({
      ...row,
      ciphertext: row.ciphertext === null ? null : bytes(row.ciphertext),
      wrappedKey: row.wrappedKey === null ? null : bytes(row.wrappedKey),
    })),
    revocations: rows.revocations,
    groups: rows.groups.map((row) => ({ ...row, organizationIds: new Set(row.organizationIds) })),
    sealKeys: rows.sealKeys.map((row) => ({ ...row, wrappedKey: bytes(row.wrappedKey) })),
    issuers: rows.issuers,
    signingKeys: rows.signingKeys,
    policies: rows.policies,
    toolPins: rows.toolPins.map((row) => ({ ...row, hash: bytes(row.hash) })),
  };
}

/** Where the database stands: its history and its last revision. */
export interface DatabasePosition {
  readonly epoch: string;
  readonly revision: number;
}

export async function readPosition(em: EntityManager): Promise<DatabasePosition> {
  const epoch = await readEpoch(em);
  const [row] = await em.execute<{ revision: string }[]>('select revision from platform_state');
  if (row === undefined) throw new Error('The database has no platform state.');
  return { epoch, revision: Number(row.revision) };
}

/** Reads all rows that nodes may be told of, in a transaction that sees one state of the database. */
export async function readAllRows(em: EntityManager): Promise<ConfigRows> {
  const select = <Rows extends keyof EncodedRows>(rows: Rows) =>
    em.execute<[...EncodedRows[Rows]]>(rowSelects[rows]);
  return decodedRows({
    organizations: await select('organizations'),
    apiKeys: await select('apiKeys'),
    servers: await select('servers'),
    revocations: await select('revocations'),
    groups: await select('groups'),
    sealKeys: await select('sealKeys'),
    issuers: await select('issuers'),
    signingKeys: await select('signingKeys'),
    policies: await select('policies'),
    toolPins: await select('toolPins'),
  });
}
