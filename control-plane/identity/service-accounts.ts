import type { EntityManager } from '@mikro-orm/postgresql';
import { type AuditedFields, auditedChange, auditedFields } from '../audit/field-changes.ts';
import { containsText, findPage, oldestFirst } from '../input/find-page.ts';
import { lockVersion } from '../input/lock-version.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isStorableText, isUuid, validateDescription, validateSlug } from '../input/text-rules.ts';
import { orTaken } from '../input/unique-violation.ts';
import { done, type Outcome, refused, type Violation, violation } from '../input/violation.ts';
import type { ChangedResource } from '../store/changed-resource.ts';
import { commitChange } from '../store/commit-change.ts';
import { ApiKey } from '../store/entities/api-key.ts';
import { ServiceAccount } from '../store/entities/service-account.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import {
  chosenRole,
  type GrantedRole,
  type Granter,
  grantedRole,
  grantViolations,
  type RoleChoice,
  readRole,
  referencedRoles,
} from './granted-role.ts';

/** Accounts of one organization, and keys of one account that end together with it. */
const serviceAccountBounds = { accountsMax: 1000, keysMax: 900 } as const;

/** A service account with the role that it has. */
export interface ServiceAccountView {
  readonly account: ServiceAccount;
  readonly role: GrantedRole;
}

export interface ServiceAccountFilterFields {
  readonly search?: string | null | undefined;
  readonly disabled?: boolean | null | undefined;
}

function where(organizationId: string, filter: ServiceAccountFilterFields): object {
  const search = filter.search ?? '';
  return {
    organizationId,
    ...(search !== '' && isStorableText(search) && { name: containsText(search) }),
    ...(typeof filter.disabled === 'boolean' && {
      disabledAt: filter.disabled ? { $ne: null } : null,
    }),
  };
}

export function listServiceAccounts(
  store: Store,
  organizationId: string,
  filter: ServiceAccountFilterFields,
  page: PageRequest,
): Promise<Page<ServiceAccountView>> {
  return store.withOrganization(organizationId, async (em) => {
    const condition = where(organizationId, filter);
    const found = await findPage(em, ServiceAccount, condition, oldestFirst, page);
    const customRoles = await referencedRoles(em, organizationId, found.items);
    const items = found.items.map((account) => ({
      account,
      role: grantedRole(account, customRoles),
    }));
    return { ...found, items };
  });
}

export async function findServiceAccount(
  store: Store,
  organizationId: string,
  id: string,
): Promise<ServiceAccountView | null> {
  if (!isUuid(id)) return null;
  return store.withOrganization(organizationId, async (em) => {
    const account = await em.findOne(ServiceAccount, { organizationId, id });
    return account && { account, role: await readRole(em, organizationId, account) };
  });
}

function audited(account: ServiceAccount, role: GrantedRole): AuditedFields {
  const fields = auditedFields(account, ['name', 'description', 'disabledAt']);
  return { ...fields, role: role.name };
}

async function commitAccount(
  em: EntityManager,
  granter: Granter,
  action: 'create' | 'update' | 'delete',
  account: ServiceAccount,
  [before, after]: readonly [AuditedFields | null, AuditedFields | null],
  keys: readonly ChangedResource[] = [],
): Promise<void> {
  await commitChange(em, {
    organizationId: account.organizationId,
    actor: granter.actor,
    action: `service_account.${action}`,
    target: { type: 'service_account', id: account.id, label: account.name },
    ...auditedChange(before, after, keys.length > 0 ? { apiKeysEnded: keys.length } : {}),
    resources: [{ kind: 'service_account', id: account.id }, ...keys],
  });
}

const taken = { service_accounts_organization_id_name_key: 'name' };

export interface NewServiceAccount extends RoleChoice {
  readonly organizationId: string;
  readonly name: string;
  readonly description?: string | null | undefined;
}

function validateTexts(name: string, description: string): Violation[] {
  return [...validateSlug('name', name), ...validateDescription('description', description)];
}

export async function createServiceAccount(
  store: Store,
  granter: Granter,
  input: NewServiceAccount,
): Promise<Outcome<ServiceAccountView>> {
  const { organizationId, name } = input;
  const description = input.description ?? '';
  const violations = validateTexts(name, description);
  if (violations.length > 0) return { ok: false, violations };
  const { accountsMax } = serviceAccountBounds;
  return orTaken(taken, () =>
    store.withOrganization(organizationId, async (em) => {
      if ((await em.count(ServiceAccount, { organizationId })) >= accountsMax) {
        const text = `An organization has at most ${accountsMax} service accounts.`;
        return refused(violation('organizationId', 'TOO_MANY', text));
      }
      const chosen = await chosenRole(em, granter, organizationId, input);
      if (!chosen.ok) return chosen;
      const { role, customRoleId } = chosen.value;
      const account = em.create(ServiceAccount, {
        ...{ organizationId, name, description, role, customRoleId },
        id: uuidV7(),
        disabledAt: null,
      });
      await commitAccount(em, granter, 'create', account, [null, audited(account, chosen.value)]);
      return done({ account, role: chosen.value });
    }),
  );
}

export interface ServiceAccountVersion {
  readonly organizationId: string;
  readonly id: string;
  readonly version: number;
}

/** Locks an account that may do no more than the caller. */
async function lockAccount(
  em: EntityManager,
  granter: Granter,
  input: ServiceAccountVersion,
): Promise<Outcome<ServiceAccountView>> {
  const locked = await lockVersion(em, ServiceAccount, input, 'service account');
  if (!locked.ok) return locked;
  const account = locked.value;
  const role = await readRole(em, input.organizationId, account);
  const violations = grantViolations(granter, 'id', role);
  return violations.length > 0 ? { ok: false, violations } : done({ account, role });
}

export interface ServiceAccountChanges extends ServiceAccountVersion, RoleChoice {
  readonly name?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly disabled?: boolean | null | undefined;
}

function given({ name, description }: ServiceAccountChanges) {
  return { name: name ?? undefined, description: description ?? undefined };
}

/** The role that the changes name, or the one that the account has. */
async function nextRole(
  em: EntityManager,
  granter: Granter,
  { account, role }: ServiceAccountView,
  input: ServiceAccountChanges,
): Promise<Outcome<GrantedRole>> {
  if (!input.role && !input.customRoleId) return done(role);
  return chosenRole(em, granter, account.organizationId, input);
}

function disabledAt(
  account: ServiceAccount,
  { disabled }: ServiceAccountChanges,
  nowMs: number,
): Date | null {
  if (typeof disabled !== 'boolean') return account.disabledAt;
  return disabled ? (account.disabledAt ?? new Date(nowMs)) : null;
}

/** Changes an account; what is undefined or null stays. Its API keys follow in the same change. */
export async function updateServiceAccount(
  store: Store,
  granter: Granter,
  input: ServiceAccountChanges,
  nowMs: number,
): Promise<Outcome<ServiceAccountView>> {
  const { organizationId } = input;
  return orTaken(taken, () =>
    store.withOrganization(organizationId, async (em) => {
      const locked = await lockAccount(em, granter, input);
      if (!locked.ok) return locked;
      const { account } = locked.value;
      const { name = account.name, description = account.description } = given(input);
      const violations = validateTexts(name, description);
      if (violations.length > 0) return { ok: false, violations };
      const chosen = await nextRole(em, granter, locked.value, input);
      if (!chosen.ok) return chosen;
      const before = audited(account, locked.value.role);
      em.assign(account, { name, description, disabledAt: disabledAt(account, input, nowMs) });
      if (chosen.value !== locked.value.role) {
        em.assign(account, { role: chosen.value.role, customRoleId: chosen.value.customRoleId });
      }
      const after = audited(account, chosen.value);
      await commitAccount(em, granter, 'update', account, [before, after]);
      return done({ account, role: chosen.value });
    }),
  );
}

/** Deletes an account and its API keys, in one change. */
export async function deleteServiceAccount(
  store: Store,
  granter: Granter,
  input: ServiceAccountVersion,
): Promise<Outcome<{ readonly id: string }>> {
  const { organizationId } = input;
  const { keysMax } = serviceAccountBounds;
  return store.withOrganization(organizationId, async (em) => {
    const locked = await lockAccount(em, granter, input);
    if (!locked.ok) return locked;
    const { account, role } = locked.value;
    const owned = { organizationId, serviceAccountId: account.id };
    const keys = await em.find(ApiKey, owned, { limit: keysMax + 1, fields: ['id'] });
    if (keys.length > keysMax) {
      return refused(violation('id', 'IN_USE', 'Delete some of the account’s API keys first.'));
    }
    await em.nativeDelete(ApiKey, owned);
    await em.nativeDelete(ServiceAccount, { organizationId, id: account.id });
    const ended = keys.map(({ id }) => ({ kind: 'api_key', id }) as const);
    await commitAccount(em, granter, 'delete', account, [audited(account, role), null], ended);
    return done({ id: account.id });
  });
}
