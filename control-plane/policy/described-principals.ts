import type { EntityManager } from '@mikro-orm/postgresql';
import type { PolicyPrincipal } from '../../common/policy/policy-call.ts';
import { serverScope } from '../../common/scope.ts';
import { isUuid } from '../input/text-rules.ts';
import { callingRoles } from '../store/entities/membership.ts';
import type { CallDescription } from './call-description.ts';

/** An account of the organization, or one of its keys, as nodes know it. */
interface KnownCaller {
  readonly subject: string;
  readonly role: string;
  readonly maySendCalls: boolean;
}

interface KnownKey extends KnownCaller {
  readonly keyId: string;
  readonly scopes: readonly string[];
}

/** Roles that may call servers; a custom role says so itself. */
const callingRoleList = `(${callingRoles.map((role) => `'${role}'`).join()})`;

const selectAccounts = `
  select 'user:' || m.user_id as subject, coalesce(m.role, r.name, '') as role,
    coalesce('servers.call' = any (r.permissions), m.role in ${callingRoleList}, false) as "maySendCalls"
  from memberships m
  left join custom_roles r on r.organization_id = m.organization_id and r.id = m.custom_role_id
  where m.organization_id = ? and m.user_id = any (?::uuid[])
  union all
  select 'service:' || a.id, coalesce(a.role, r.name, ''),
    coalesce('servers.call' = any (r.permissions), a.role in ${callingRoleList}, false)
  from service_accounts a
  left join custom_roles r on r.organization_id = a.organization_id and r.id = a.custom_role_id
  where a.organization_id = ? and a.id = any (?::uuid[])`;

/** Keys that are named, and of accounts that are named the newest good one. */
const selectKeys = `
  select k.key_id as "keyId", k.scopes, '' as role, false as "maySendCalls",
    case when k.subject_user_id is null then 'service:' || k.service_account_id
      else 'user:' || k.subject_user_id end as subject
  from api_keys k
  where k.organization_id = ? and (k.key_id = any (?::text[]) or (k.revoked_at is null
    and (k.expires_at is null or k.expires_at > now()) and k.service_account_id = any (?::uuid[])))
  order by k.created_at desc, k.id desc`;

function arrayOf(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
}

function idsOf(subjects: readonly string[], kind: 'user' | 'service'): string[] {
  return subjects
    .filter((subject) => subject.startsWith(`${kind}:`))
    .map((subject) => subject.slice(kind.length + 1))
    .filter(isUuid);
}

/**
 * Who stands behind descriptions of callers: of an account or an API key that is named, roles and scopes are
 * filled as nodes would get them now, unless the description says others.
 */
export class DescribedPrincipals {
  readonly #accounts: ReadonlyMap<string, KnownCaller>;
  readonly #keys: ReadonlyMap<string, KnownKey>;
  /** By subject. */
  readonly #ownKeys: ReadonlyMap<string, KnownKey>;

  private constructor(accounts: readonly KnownCaller[], keys: readonly KnownKey[]) {
    this.#accounts = new Map(accounts.map((account) => [account.subject, account]));
    this.#keys = new Map(keys.map((key) => [key.keyId, key]));
    this.#ownKeys = new Map(keys.toReversed().map((key) => [key.subject, key]));
  }

  /** Reads what is known of all callers that the descriptions name. */
  static async load(
    em: EntityManager,
    organizationId: string,
    calls: readonly CallDescription[],
  ): Promise<DescribedPrincipals> {
    const named = calls.flatMap(({ principal }) => principal.subject ?? []);
    const keyIds = calls.flatMap(({ principal }) => principal.credentialId ?? []);
    const keys = await em.execute<KnownKey[]>(selectKeys, [
      organizationId,
      arrayOf(keyIds),
      arrayOf(idsOf(named, 'service')),
    ]);
    const subjects = [...named, ...keys.map(({ subject }) => subject)];
    const accounts = await em.execute<KnownCaller[]>(selectAccounts, [
      organizationId,
      arrayOf(idsOf(subjects, 'user')),
      organizationId,
      arrayOf(idsOf(subjects, 'service')),
    ]);
    return new DescribedPrincipals(accounts, keys);
  }

  /** Whether the organization knows a caller of this subject, or this key. */
  isKnown({ principal }: CallDescription): boolean {
    const { subject, credentialId } = principal;
    return this.#accounts.has(subject ?? '') || this.#keys.has(credentialId ?? '');
  }

  /** The caller of a described call. */
  of({ principal, server }: CallDescription): PolicyPrincipal {
    const { credentialId, credentialKind } = principal;
    const key = this.#keyOf(principal);
    const subject = principal.subject ?? key?.subject ?? '';
    const account = this.#accounts.get(subject);
    const known = account?.maySendCalls === true ? (key?.scopes ?? [serverScope(server)]) : [];
    return {
      subject,
      roles: principal.roles ?? (account === undefined ? [] : [account.role]),
      scopes: principal.scopes ?? known,
      credentialId: credentialId ?? key?.keyId ?? '',
      credentialKind: credentialKind ?? (key === undefined ? 'access_token' : 'api_key'),
    };
  }

  /** A service account has nothing but keys to call with; a person comes with a token unless a key is named. */
  #keyOf({ subject, credentialId }: CallDescription['principal']): KnownKey | undefined {
    if (credentialId) return this.#keys.get(credentialId);
    return subject?.startsWith('service:') ? this.#ownKeys.get(subject) : undefined;
  }
}
