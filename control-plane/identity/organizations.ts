import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { type AuditedFields, auditedChange, auditedFields } from '../audit/field-changes.ts';
import { containsText, findPage, oldestFirst } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { nothingTried, type PolicyTrial } from '../input/policy-verdict.ts';
import { orRefused, Refusal } from '../input/refusal.ts';
import { isStorableText, isUuid, validateName, validateSlug } from '../input/text-rules.ts';
import { orTaken } from '../input/unique-violation.ts';
import {
  done,
  notFound,
  type Outcome,
  refused,
  type Violation,
  versionConflict,
  violation,
} from '../input/violation.ts';
import type { ChangedResource } from '../store/changed-resource.ts';
import { commitChange } from '../store/commit-change.ts';
import { ApiKey } from '../store/entities/api-key.ts';
import { McpServer } from '../store/entities/mcp-server.ts';
import { Membership } from '../store/entities/membership.ts';
import { Organization } from '../store/entities/organization.ts';
import { User } from '../store/entities/user.ts';
import type { Store } from '../store/store.ts';
import { lockUntilCommit } from '../store/transaction-locks.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import type { Actor } from './actor.ts';
import {
  changesDecisions,
  mergedPolicySettings,
  type PolicySettings,
  type PolicySettingsInput,
  policySettingsDefault,
  validatePolicySettings,
} from './policy-settings.ts';
import type { Principal } from './principal.ts';

/** Origins that one organization may allow, and servers and keys that it may hold together. */
const organizationBounds = { allowedOriginsMax: 100, objectsMax: 900 } as const;
/** Less than that a healthy node passes now and then: heartbeats and reads of the feed take a second each. */
const staleAfterSecondsBounds = { min: 10, max: 30 * 24 * 60 * 60 } as const;

export interface OrganizationFields extends PolicySettings {
  readonly slug: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly mustAudit: boolean;
  readonly allowedOrigins: readonly string[];
  /** Null: its calls are served however old a node's view is. */
  readonly staleAfterSeconds: number | null;
}

/** An origin as browsers send it (RFC 6454): scheme, host and a port that is not the scheme's default. */
function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { origin, protocol } = new URL(text);
  return origin === text && (protocol === 'http:' || protocol === 'https:');
}

function validateOrigins(origins: readonly string[]): Violation[] {
  const { allowedOriginsMax } = organizationBounds;
  if (origins.length > allowedOriginsMax) {
    return [violation('allowedOrigins', 'TOO_MANY', `At most ${allowedOriginsMax} origins.`)];
  }
  return origins.flatMap((origin, index) => {
    const path = `allowedOrigins.${index}`;
    if (!isOrigin(origin)) {
      return [violation(path, 'INVALID_FORMAT', 'An origin looks like https://app.example.com.')];
    }
    if (origins.indexOf(origin) === index) return [];
    return [violation(path, 'DUPLICATE', 'The origin stands in the list already.')];
  });
}

function validateStaleAfter(seconds: number | null): Violation[] {
  const { min, max } = staleAfterSecondsBounds;
  if (seconds === null || (seconds >= min && seconds <= max)) return [];
  return [violation('staleAfterSeconds', 'OUT_OF_RANGE', `From ${min} to ${max} seconds.`)];
}

/** Everything that is wrong with an organization's fields. */
function validateOrganization(fields: OrganizationFields): Violation[] {
  return [
    ...validateSlug('slug', fields.slug),
    ...validateName('name', fields.name),
    ...validateOrigins(fields.allowedOrigins),
    ...validateStaleAfter(fields.staleAfterSeconds),
    ...validatePolicySettings(fields),
  ];
}

export interface OrganizationFilterFields {
  readonly search?: string | null | undefined;
  readonly enabled?: boolean | null | undefined;
}

function where(filter: OrganizationFilterFields): object {
  const conditions: object[] = [];
  const search = filter.search ?? '';
  if (search !== '' && isStorableText(search)) {
    conditions.push({ $or: [{ name: containsText(search) }, { slug: containsText(search) }] });
  }
  if (typeof filter.enabled === 'boolean') conditions.push({ enabled: filter.enabled });
  return conditions.length === 0 ? {} : { $and: conditions };
}

/** Work with the organizations that a caller may see: all for an operator, else the caller's own. */
function withVisible<T>(
  store: Store,
  viewer: Principal,
  work: (em: EntityManager) => Promise<T>,
): Promise<T> {
  if (viewer.isOperator) return store.withPlatform(work);
  if (viewer.kind === 'service') return store.withOrganization(viewer.organizationId, work);
  return store.withUser(viewer.user.id, work);
}

/** The organizations that the caller's session or key reaches; a person may be a member of others. */
function withinReach(viewer: Principal, condition: object): object {
  if (viewer.isOperator) return condition;
  const ids = viewer.kind === 'service' ? [viewer.organizationId] : [...viewer.grants.keys()];
  return { $and: [condition, { id: { $in: ids } }] };
}

/** The organizations that a caller may see. */
export function listOrganizations(
  store: Store,
  viewer: Principal,
  filter: OrganizationFilterFields,
  page: PageRequest,
): Promise<Page<Organization>> {
  return withVisible(store, viewer, (em) =>
    findPage(em, Organization, withinReach(viewer, where(filter)), oldestFirst, page),
  );
}

/** An organization by its id or its slug, or null when it does not exist or is not the viewer's to see. */
export async function findOrganization(
  store: Store,
  viewer: Principal,
  key: { readonly id: string } | { readonly slug: string },
): Promise<Organization | null> {
  if ('id' in key && !isUuid(key.id)) return null;
  if ('slug' in key && !isStorableText(key.slug)) return null;
  return withVisible(store, viewer, (em) => em.findOne(Organization, withinReach(viewer, key)));
}

const taken = { organizations_slug_key: 'slug' };

function audited(organization: OrganizationFields): AuditedFields {
  const names = [
    'slug',
    'name',
    'enabled',
    'mustAudit',
    'allowedOrigins',
    'staleAfterSeconds',
    'policyDefault',
    'toolRefusalForm',
    'argumentRecording',
    'argumentBytesMax',
    'policyHeaders',
  ] as const;
  return auditedFields(organization, names);
}

export interface NewOrganization
  extends Omit<OrganizationFields, 'staleAfterSeconds' | keyof PolicySettings>,
    PolicySettingsInput {
  readonly staleAfterSeconds?: number | null | undefined;
  readonly ownerId: string;
}

/** Creates an organization with its first owner. */
export async function createOrganization(
  store: Store,
  actor: Actor,
  input: NewOrganization,
): Promise<Outcome<Organization>> {
  const { ownerId, ...rest } = input;
  const fields = {
    ...rest,
    ...mergedPolicySettings(policySettingsDefault, input),
    staleAfterSeconds: input.staleAfterSeconds ?? null,
  };
  const violations = validateOrganization(fields);
  if (violations.length > 0) return { ok: false, violations };
  if (!isUuid(ownerId)) return refused(notFound('ownerId', 'user'));
  return orTaken(taken, () =>
    store.withPlatform(async (em) => {
      const owner = await em.findOne(User, { id: ownerId });
      if (owner === null) return refused(notFound('ownerId', 'user'));
      const organization = em.create(Organization, {
        ...fields,
        allowedOrigins: [...fields.allowedOrigins],
        id: uuidV7(),
      });
      // Entities know no foreign keys: the parent goes first.
      await em.flush();
      em.create(Membership, {
        organizationId: organization.id,
        userId: ownerId,
        role: 'owner',
        customRoleId: null,
      });
      await commitChange(em, {
        organizationId: organization.id,
        actor,
        action: 'organization.create',
        target: { type: 'organization', id: organization.id, label: organization.slug },
        ...auditedChange(null, audited(organization), { ownerId }),
        resources: [
          { kind: 'organization', id: organization.id },
          { kind: 'membership', id: ownerId },
        ],
      });
      return done(organization);
    }),
  );
}

export interface OrganizationChanges extends PolicySettingsInput {
  readonly organizationId: string;
  readonly version: number;
  readonly slug?: string | null | undefined;
  readonly name?: string | null | undefined;
  readonly enabled?: boolean | null | undefined;
  readonly mustAudit?: boolean | null | undefined;
  readonly allowedOrigins?: readonly string[] | null | undefined;
  /** Null takes the bound away. */
  readonly staleAfterSeconds?: number | null | undefined;
  /** Expectations that fail don't refuse a change of what becomes of calls. */
  readonly force?: boolean | null | undefined;
}

function merged(row: Organization, input: OrganizationChanges) {
  return {
    slug: input.slug ?? row.slug,
    name: input.name ?? row.name,
    enabled: input.enabled ?? row.enabled,
    mustAudit: input.mustAudit ?? row.mustAudit,
    allowedOrigins: [...(input.allowedOrigins ?? row.allowedOrigins)],
    staleAfterSeconds:
      input.staleAfterSeconds === undefined ? row.staleAfterSeconds : input.staleAfterSeconds,
    ...mergedPolicySettings(row, input),
  };
}

/** Locks an organization for a change, as a change of its policies does: both end in the same question. */
async function lockChanged(
  em: EntityManager,
  { organizationId, version }: OrganizationChanges,
): Promise<Outcome<Organization>> {
  await lockUntilCommit(em, 'policies', organizationId.toLowerCase());
  const row = await lockOrganization(em, organizationId);
  if (row === null) return refused(notFound('organizationId', 'organization'));
  return row.version === version ? done(row) : refused(versionConflict());
}

/**
 * Changes an organization; what is undefined or null stays.
 * @param tryPolicies asked when the change may change what becomes of calls.
 */
export async function updateOrganization(
  store: Store,
  actor: Actor,
  input: OrganizationChanges,
  tryPolicies: PolicyTrial,
): Promise<Outcome<Organization>> {
  const { organizationId, force } = input;
  const write = () =>
    store.withOrganization(organizationId, async (em): Promise<Outcome<Organization>> => {
      const locked = await lockChanged(em, input);
      if (!locked.ok) return locked;
      const row = locked.value;
      const fields = merged(row, input);
      const violations = validateOrganization(fields);
      if (violations.length > 0) return { ok: false, violations };
      const before = audited(row);
      const isTried = changesDecisions(row, fields);
      em.assign(row, fields);
      await em.flush();
      const verdict = isTried
        ? await tryPolicies(em, organizationId, force ?? false)
        : nothingTried;
      if (verdict.violations.length > 0) throw new Refusal(verdict.violations);
      await commitChange(em, {
        organizationId,
        actor,
        action: 'organization.update',
        target: { type: 'organization', id: organizationId, label: row.slug },
        ...auditedChange(before, audited(row), verdict.details),
        resources: [{ kind: 'organization', id: organizationId }],
      });
      return done(row);
    });
  return orRefused(() => orTaken(taken, write));
}

function lockOrganization(em: EntityManager, id: string): Promise<Organization | null> {
  return em.findOne(Organization, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
}

export interface OrganizationDeletion {
  readonly organizationId: string;
  readonly version: number;
  /** The slug once more, against mistakes. */
  readonly confirmSlug: string;
}

/**
 * Deletes an organization with its servers, endpoints, secrets, API keys and memberships, in one change.
 * Request logs and the audit trail outlive it.
 */
export async function deleteOrganization(
  store: Store,
  actor: Actor,
  input: OrganizationDeletion,
): Promise<Outcome<Organization>> {
  const { organizationId } = input;
  return store.withOrganization(organizationId, async (em) => {
    const row = await lockOrganization(em, organizationId);
    if (row === null) return refused(notFound('organizationId', 'organization'));
    if (row.version !== input.version) return refused(versionConflict());
    if (row.slug !== input.confirmSlug) {
      return refused(violation('confirmSlug', 'INVALID_FORMAT', 'This is not the slug.'));
    }
    const resources = await resourcesOf(em, organizationId);
    if (resources.length > organizationBounds.objectsMax) {
      const text = `Delete servers and API keys first: more than ${organizationBounds.objectsMax} are left.`;
      return refused(violation('organizationId', 'IN_USE', text));
    }
    await em.nativeDelete(Organization, { id: organizationId });
    await commitChange(em, {
      organizationId,
      actor,
      action: 'organization.delete',
      target: { type: 'organization', id: organizationId, label: row.slug },
      ...auditedChange(audited(row), null),
      resources,
    });
    return done(row);
  });
}

async function resourcesOf(em: EntityManager, organizationId: string): Promise<ChangedResource[]> {
  const bounded = { limit: organizationBounds.objectsMax + 1 };
  const servers = await em.find(McpServer, { organizationId }, { ...bounded, fields: ['id'] });
  const apiKeys = await em.find(ApiKey, { organizationId }, { ...bounded, fields: ['id'] });
  return [
    { kind: 'organization', id: organizationId },
    ...servers.map(({ id }) => ({ kind: 'server', id }) as const),
    ...apiKeys.map(({ id }) => ({ kind: 'api_key', id }) as const),
  ];
}
