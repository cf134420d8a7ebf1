import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { newCredential } from '../../common/credential.ts';
import { findPage, oldestFirst } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isUuid, validateName } from '../input/text-rules.ts';
import {
  done,
  notFound,
  type Outcome,
  refused,
  type Violation,
  versionConflict,
  violation,
} from '../input/violation.ts';
import { commitChange } from '../store/commit-change.ts';
import { ApiKey } from '../store/entities/api-key.ts';
import { Membership } from '../store/entities/membership.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import type { Granter } from './members.ts';
import { mayGrant, type Role } from './roles.ts';

const apiKeyBounds = { scopesMax: 32, scopeLengthMax: 128, keysMax: 10_000 } as const;

// A scope as OAuth spells it (RFC 6749, section 3.3): visible ASCII without quote and backslash.
const scopePattern = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

function validateScopes(scopes: readonly string[]): Violation[] {
  const { scopesMax, scopeLengthMax } = apiKeyBounds;
  if (scopes.length > scopesMax) {
    return [violation('scopes', 'TOO_MANY', `At most ${scopesMax} scopes.`)];
  }
  return scopes.flatMap((scope, index) => {
    const path = `scopes.${index}`;
    if (scope.length > scopeLengthMax) {
      return [violation(path, 'TOO_LONG', `A scope has at most ${scopeLengthMax} characters.`)];
    }
    if (!scopePattern.test(scope)) {
      return [violation(path, 'INVALID_FORMAT', 'A scope holds visible ASCII characters.')];
    }
    if (scopes.indexOf(scope) === index) return [];
    return [violation(path, 'DUPLICATE', 'The scope stands in the list already.')];
  });
}

function validateExpiry(expiresAt: Date | null | undefined, nowMs: number): Violation[] {
  if (expiresAt === null || expiresAt === undefined || expiresAt.getTime() > nowMs) return [];
  return [violation('expiresAt', 'OUT_OF_RANGE', 'This time is past.')];
}

export interface NewApiKey {
  readonly organizationId: string;
  readonly label: string;
  /** The member that it acts for; nothing: a service. */
  readonly userId?: string | null | undefined;
  /** A service that exists, whose sessions the key shares; nothing: a new service. */
  readonly serviceId?: string | null | undefined;
  readonly roles?: readonly Role[] | null | undefined;
  readonly scopes: readonly string[];
  readonly expiresAt?: Date | null | undefined;
}

function validateSubject(granter: Granter, input: NewApiKey): Violation[] {
  const { userId, serviceId, roles } = input;
  if (userId) {
    const violations: Violation[] = [];
    if (!isUuid(userId)) violations.push(notFound('userId', 'member'));
    if (serviceId) {
      violations.push(
        violation('serviceId', 'NOT_ALLOWED', 'A key acts for a member or for a service.'),
      );
    }
    if (roles) {
      violations.push(
        violation('roles', 'NOT_ALLOWED', 'A key of a member has the member’s role.'),
      );
    }
    if (userId !== granter.actor.id && !mayGrant(granter.role, 'admin')) {
      const text = 'Only owners and admins create keys for others.';
      violations.push(violation('userId', 'NOT_ALLOWED', text));
    }
    return violations;
  }
  const unknown = serviceId && !isUuid(serviceId) ? [notFound('serviceId', 'service')] : [];
  return [...unknown, ...validateRoles(granter, roles ?? [])];
}

function validateRoles(granter: Granter, roles: readonly Role[]): Violation[] {
  return roles.flatMap((role, index) => {
    const path = `roles.${index}`;
    if (roles.indexOf(role) !== index) {
      return [violation(path, 'DUPLICATE', 'The role stands in the list already.')];
    }
    if (mayGrant(granter.role, role)) return [];
    return [violation(path, 'NOT_ALLOWED', 'This role is above the caller’s own.')];
  });
}

/** Everything that is wrong with a new key, as far as the input alone tells. */
function validateNewApiKey(granter: Granter, input: NewApiKey, nowMs: number): Violation[] {
  return [
    ...validateName('label', input.label),
    ...validateSubject(granter, input),
    ...validateScopes(input.scopes),
    ...validateExpiry(input.expiresAt, nowMs),
  ];
}

export interface ApiKeyFilterFields {
  readonly keyId?: string | null | undefined;
  readonly userId?: string | null | undefined;
  readonly active?: boolean | null | undefined;
}

function where(organizationId: string, filter: ApiKeyFilterFields, nowMs: number): object {
  const conditions: object[] = [{ organizationId }];
  const ended = [{ revokedAt: { $ne: null } }, { expiresAt: { $lte: new Date(nowMs) } }];
  if (typeof filter.keyId === 'string') conditions.push({ keyId: filter.keyId });
  if (typeof filter.userId === 'string') {
    // An id that is none matches nobody.
    conditions.push(isUuid(filter.userId) ? { subjectUserId: filter.userId } : { keyId: '' });
  }
  if (filter.active === false) conditions.push({ $or: ended });
  if (filter.active === true) {
    const unexpired = [{ expiresAt: null }, { expiresAt: { $gt: new Date(nowMs) } }];
    conditions.push({ revokedAt: null }, { $or: unexpired });
  }
  return { $and: conditions };
}

export function listApiKeys(
  store: Store,
  organizationId: string,
  filter: ApiKeyFilterFields,
  page: PageRequest,
  nowMs: number,
): Promise<Page<ApiKey>> {
  return store.withOrganization(organizationId, (em) =>
    findPage(em, ApiKey, where(organizationId, filter, nowMs), oldestFirst, page),
  );
}

export async function findApiKey(
  store: Store,
  organizationId: string,
  id: string,
): Promise<ApiKey | null> {
  if (!isUuid(id)) return null;
  return store.withOrganization(organizationId, (em) => em.findOne(ApiKey, { organizationId, id }));
}

interface Subject {
  readonly subjectUserId: string | null;
  readonly subjectServiceId: string | null;
  readonly roles: Role[];
}

/** Whom a new key acts for. */
async function subjectOf(
  em: EntityManager,
  granter: Granter,
  input: NewApiKey,
): Promise<Outcome<Subject>> {
  const { organizationId, userId, serviceId } = input;
  if (userId) {
    const membership = await em.findOne(Membership, { organizationId, userId });
    if (membership === null) return refused(notFound('userId', 'member'));
    return done({ subjectUserId: userId, subjectServiceId: null, roles: [] });
  }
  const roles = [...(input.roles ?? ['agent' as const])];
  if (!serviceId) return done({ subjectUserId: null, subjectServiceId: uuidV7(), roles });
  const sibling = await em.findOne(ApiKey, { organizationId, subjectServiceId: serviceId });
  if (sibling === null) return refused(notFound('serviceId', 'service'));
  const kept = input.roles ? roles : sibling.roles;
  const violations = validateRoles(granter, kept);
  if (violations.length > 0) return { ok: false, violations };
  return done({ subjectUserId: null, subjectServiceId: serviceId, roles: kept });
}

/** A new key's record, with the key itself, which is stored nowhere. */
export interface CreatedApiKey {
  readonly apiKey: ApiKey;
  readonly key: string;
}

export async function createApiKey(
  store: Store,
  granter: Granter,
  input: NewApiKey,
  nowMs: number,
): Promise<Outcome<CreatedApiKey>> {
  const violations = validateNewApiKey(granter, input, nowMs);
  if (violations.length > 0) return { ok: false, violations };
  const { organizationId } = input;
  return store.withOrganization(organizationId, async (em) => {
    if ((await em.count(ApiKey, { organizationId })) >= apiKeyBounds.keysMax) {
      const text = `An organization has at most ${apiKeyBounds.keysMax} API keys.`;
      return refused(violation('organizationId', 'TOO_MANY', text));
    }
    const subject = await subjectOf(em, granter, input);
    if (!subject.ok) return subject;
    const credential = newCredential('apiKey');
    const apiKey = em.create(ApiKey, {
      organizationId,
      id: uuidV7(),
      keyId: credential.id,
      secretHash: credential.hash,
      label: input.label,
      ...subject.value,
      scopes: [...input.scopes],
      expiresAt: input.expiresAt ?? null,
      revokedAt: null,
      lastUsedAt: null,
      createdBy: granter.actor.kind === 'user' ? granter.actor.id : null,
    });
    await commitChange(em, {
      organizationId,
      actor: granter.actor,
      action: 'api_key.create',
      target: { type: 'api_key', id: apiKey.id, label: apiKey.label },
      details: {
        keyId: apiKey.keyId,
        userId: apiKey.subjectUserId,
        serviceId: apiKey.subjectServiceId,
        roles: apiKey.roles,
        scopes: apiKey.scopes,
        expiresAt: apiKey.expiresAt?.toISOString() ?? null,
      },
      resources: [{ kind: 'api_key', id: apiKey.id }],
    });
    return done({ apiKey, key: credential.text });
  });
}

export interface ApiKeyVersion {
  readonly organizationId: string;
  readonly id: string;
  readonly version: number;
}

async function lockApiKey(em: EntityManager, input: ApiKeyVersion): Promise<Outcome<ApiKey>> {
  const { organizationId, id } = input;
  if (!isUuid(id)) return refused(notFound('id', 'API key'));
  const apiKey = await em.findOne(
    ApiKey,
    { organizationId, id },
    { lockMode: LockMode.PESSIMISTIC_WRITE },
  );
  if (apiKey === null) return refused(notFound('id', 'API key'));
  return apiKey.version === input.version ? done(apiKey) : refused(versionConflict());
}

/** Ends a write to one key: the audit entry and what nodes have to look at. */
async function commitKey(
  em: EntityManager,
  granter: Granter,
  apiKey: ApiKey,
  action: 'api_key.update' | 'api_key.revoke' | 'api_key.delete',
): Promise<Outcome<ApiKey>> {
  await commitChange(em, {
    organizationId: apiKey.organizationId,
    actor: granter.actor,
    action,
    target: { type: 'api_key', id: apiKey.id, label: apiKey.label },
    details: { keyId: apiKey.keyId },
    resources: [{ kind: 'api_key', id: apiKey.id }],
  });
  return done(apiKey);
}

export interface ApiKeyChanges extends ApiKeyVersion {
  readonly label?: string | null | undefined;
  readonly scopes?: readonly string[] | null | undefined;
  /** Null: never. */
  readonly expiresAt?: Date | null | undefined;
}

/** Changes a key; what is undefined stays. A revoked key stays revoked. */
export async function updateApiKey(
  store: Store,
  granter: Granter,
  input: ApiKeyChanges,
  nowMs: number,
): Promise<Outcome<ApiKey>> {
  const violations = [
    ...(typeof input.label === 'string' ? validateName('label', input.label) : []),
    ...validateScopes(input.scopes ?? []),
    ...validateExpiry(input.expiresAt, nowMs),
  ];
  if (violations.length > 0) return { ok: false, violations };
  return store.withOrganization(input.organizationId, async (em) => {
    const locked = await lockApiKey(em, input);
    if (!locked.ok) return locked;
    const apiKey = locked.value;
    apiKey.label = input.label ?? apiKey.label;
    if (input.scopes) apiKey.scopes = [...input.scopes];
    if (input.expiresAt !== undefined) apiKey.expiresAt = input.expiresAt;
    return commitKey(em, granter, apiKey, 'api_key.update');
  });
}

/** Ends a key at once; its record stays, so that request logs can be told apart. */
export async function revokeApiKey(
  store: Store,
  granter: Granter,
  input: ApiKeyVersion,
  nowMs: number,
): Promise<Outcome<ApiKey>> {
  return store.withOrganization(input.organizationId, async (em) => {
    const locked = await lockApiKey(em, input);
    if (!locked.ok) return locked;
    locked.value.revokedAt ??= new Date(nowMs);
    return commitKey(em, granter, locked.value, 'api_key.revoke');
  });
}

/** Ends a key at once and removes its record. */
export async function deleteApiKey(
  store: Store,
  granter: Granter,
  input: ApiKeyVersion,
): Promise<Outcome<ApiKey>> {
  return store.withOrganization(input.organizationId, async (em) => {
    const locked = await lockApiKey(em, input);
    if (!locked.ok) return locked;
    em.remove(locked.value);
    return commitKey(em, granter, locked.value, 'api_key.delete');
  });
}
