import { credentialId, credentialMatches } from '../../common/credential.ts';
import { parseScope } from '../../common/scope.ts';
import type { OrganizationRole } from '../store/entities/membership.ts';
import type { Store } from '../store/store.ts';
import type { Actor } from './actor.ts';
import { builtInRole, customGrantedRole, type GrantedRole } from './granted-role.ts';
import type { Service } from './principal.ts';
import { readingPermissions } from './roles.ts';

/** Why an API key is not good. What it was once is told only to who has the whole key. */
export type KeyRefusal =
  /** Mistyped or cut: its checksum is wrong. */
  | 'malformed'
  /** There is none such, or none such any more. */
  | 'unknown'
  | 'expired'
  | 'revoked'
  /** The service account that it acts for. */
  | 'account_disabled';

/** A good key without a scope for administration. */
export interface UnscopedKey {
  readonly kind: 'unscoped';
  readonly actor: Actor;
  readonly organizationId: string;
}

/** An API key that was shown in full and was good at that moment. */
export interface KnownKey {
  readonly apiKeyId: string;
  /** Milliseconds since the Unix epoch; infinite: never. */
  readonly expiresAtMs: number;
}

/** A service account's key as the look-up finds it, with the account and its role. */
interface KeyRow {
  readonly id: string;
  readonly keyId: string;
  readonly organizationId: string;
  /** Base64. */
  readonly secretHash: string;
  readonly scopes: readonly string[];
  readonly expiresAtMs: number | null;
  readonly revoked: boolean;
  /** The member that it acts for; null: a service account. */
  readonly userId: string | null;
  readonly account: {
    readonly id: string;
    readonly name: string;
    readonly disabled: boolean;
    readonly role: OrganizationRole | null;
    readonly customRole: CustomRoleRow | null;
  } | null;
}

interface CustomRoleRow {
  readonly id: string;
  readonly name: string;
  readonly permissions: string[];
}

const selectKey = `
select json_build_object('id', k.id, 'keyId', k.key_id, 'organizationId', k.organization_id,
  'secretHash', encode(k.secret_hash, 'base64'), 'scopes', to_json(k.scopes),
  'expiresAtMs', floor(extract(epoch from k.expires_at) * 1000), 'revoked', k.revoked_at is not null,
  'userId', k.subject_user_id, 'account', case when a.id is not null then json_build_object('id', a.id, 'name', a.name,
    'disabled', a.disabled_at is not null, 'role', a.role,
    'customRole', case when r.id is not null then json_build_object('id', r.id, 'name', r.name,
      'permissions', to_json(r.permissions)) end) end)::text as key
from api_keys k
left join service_accounts a
  on a.organization_id = k.organization_id and a.id = k.service_account_id
left join custom_roles r
  on r.organization_id = a.organization_id and r.id = a.custom_role_id`;

const byKeyId = { name: 'api_key_by_key_id', text: `${selectKey} where k.key_id = $1` };
const byId = { name: 'api_key_by_id', text: `${selectKey} where k.id = $1::uuid` };

// As the system role: whose organization it is, the key alone tells.
async function readKey(
  store: Pick<Store, 'readSystem'>,
  statement: typeof byId,
  id: string,
): Promise<KeyRow | undefined> {
  const [row] = await store.readSystem<{ key: string }>(statement, [id]);
  return row && (JSON.parse(row.key) as KeyRow);
}

/** Compared when there is no such key, so that a known id takes as long as an unknown one. */
const noHash = Buffer.alloc(32);

function refusalOf(row: KeyRow, nowMs: number): KeyRefusal | undefined {
  if (row.revoked) return 'revoked';
  if (row.account?.disabled === true) return 'account_disabled';
  if (row.expiresAtMs !== null && row.expiresAtMs <= nowMs) return 'expired';
  return undefined;
}

/**
 * Tells which API key a text is. A mistyped key is refused by its checksum, without a look-up; the secret
 * is compared in constant time.
 */
export async function identifyKey(
  store: Pick<Store, 'readSystem'>,
  text: string,
  nowMs: number,
): Promise<KnownKey | KeyRefusal> {
  const keyId = credentialId('apiKey', text);
  if (keyId === undefined) return 'malformed';
  const row = await readKey(store, byKeyId, keyId);
  const hash = row === undefined ? noHash : Buffer.from(row.secretHash, 'base64');
  if (!credentialMatches(text, hash) || row === undefined) return 'unknown';
  const expiresAtMs = row.expiresAtMs ?? Number.POSITIVE_INFINITY;
  return refusalOf(row, nowMs) ?? { apiKeyId: row.id, expiresAtMs };
}

function roleOf({ role, customRole }: NonNullable<KeyRow['account']>): GrantedRole | undefined {
  if (role !== null) return builtInRole(role);
  return customRole === null ? undefined : customGrantedRole(customRole);
}

function actorOf({ account, userId, keyId }: KeyRow): Actor {
  const credential = { kind: 'api_key', id: keyId } as const;
  if (account === null) return { kind: 'user', id: userId ?? '', credential };
  return { kind: 'service', id: account.id, label: account.name, credential };
}

/** `full`, `read`, or undefined when no scope is about administration. */
function administration(scopes: readonly string[]): 'full' | 'read' | undefined {
  const parsed = scopes.map(parseScope).filter((scope) => scope?.kind === 'admin');
  if (parsed.length === 0) return undefined;
  return parsed.some(({ readOnly }) => !readOnly) ? 'full' : 'read';
}

/**
 * Reads whom a known key acts for, with what that account and the key's scopes allow as of now. Keys of
 * members are for the proxy: people administer by logging in.
 */
export async function loadService(
  store: Pick<Store, 'readSystem'>,
  apiKeyId: string,
  nowMs: number,
): Promise<Service | UnscopedKey | KeyRefusal> {
  const row = await readKey(store, byId, apiKeyId);
  if (row === undefined) return 'unknown';
  const refusal = refusalOf(row, nowMs);
  if (refusal !== undefined) return refusal;
  const { account, organizationId } = row;
  const reach = administration(row.scopes);
  const role = account === null ? undefined : roleOf(account);
  const actor = actorOf(row);
  if (account === null || role === undefined || reach === undefined) {
    return { kind: 'unscoped', actor, organizationId };
  }
  const isReadOnly = reach === 'read';
  const permissions = isReadOnly ? readingPermissions(role.permissions) : role.permissions;
  return {
    kind: 'service',
    account: { id: account.id, name: account.name },
    organizationId,
    role,
    expiresAtMs: row.expiresAtMs ?? Number.POSITIVE_INFINITY,
    isOperator: false,
    isReadOnly,
    permissionsIn: (id) => (id === organizationId ? permissions : undefined),
    actor,
  };
}

/** Notes when a key was last used here, to the minute; see `KeyUsage` in ingest/ for its use at the proxy. */
export async function noteKeyUse(store: Store, apiKeyId: string, nowMs: number): Promise<void> {
  await store.withSystem((em) =>
    em.execute(
      `update api_keys set last_used_at = ? where (organization_id, id) in (
         select organization_id, id from api_keys
         where id = ? and (last_used_at is null or last_used_at < ?) for update skip locked)`,
      [new Date(nowMs), apiKeyId, new Date(nowMs - 60_000)],
    ),
  );
}
