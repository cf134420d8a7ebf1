import type { EntityManager } from '@mikro-orm/postgresql';
import { type NewCredential, newCredential } from '../../common/credential.ts';
import { type AuditedFields, auditedChange, auditedFields } from '../audit/field-changes.ts';
import { findPage, oldestFirst } from '../input/find-page.ts';
import { lockVersion } from '../input/lock-version.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isUuid, validateName } from '../input/text-rules.ts';
import { done, type Outcome, refused, violation } from '../input/violation.ts';
import { commitChange } from '../store/commit-change.ts';
import { ApiKey } from '../store/entities/api-key.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import {
  apiKeyBounds,
  chosenSubject,
  defaultScopes,
  type KeySubject,
  type SubjectChoice,
  scopeViolations,
  subjectViolations,
  validateExpiry,
  validateScopes,
} from './api-key-rules.ts';
import type { Granter } from './granted-role.ts';

export interface ApiKeyFilterFields {
  readonly keyId?: string | null | undefined;
  readonly userId?: string | null | undefined;
  readonly serviceAccountId?: string | null | undefined;
  readonly active?: boolean | null | undefined;
}

/** A condition on an id; one that is none matches nothing. */
function idCondition(property: string, id: string | null | undefined): object[] {
  if (typeof id !== 'string') return [];
  return [isUuid(id) ? { [property]: id } : { keyId: '' }];
}

function where(organizationId: string, filter: ApiKeyFilterFields, nowMs: number): object {
  const conditions: object[] = [
    { organizationId },
    ...idCondition('subjectUserId', filter.userId),
    ...idCondition('serviceAccountId', filter.serviceAccountId),
  ];
  const ended = [{ revokedAt: { $ne: null } }, { expiresAt: { $lte: new Date(nowMs) } }];
  if (typeof filter.keyId === 'string') conditions.push({ keyId: filter.keyId });
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

function audited(apiKey: ApiKey): AuditedFields {
  return auditedFields(apiKey, [
    ...(['label', 'subjectUserId', 'serviceAccountId', 'scopes'] as const),
    ...(['expiresAt', 'revokedAt', 'replacedBy'] as const),
  ]);
}

type KeyAction = 'create' | 'update' | 'rotate' | 'revoke' | 'delete';

/** Ends a write to keys: the audit entry, about the first, and what nodes have to look at. */
async function commitKeys(
  em: EntityManager,
  granter: Granter,
  action: KeyAction,
  before: AuditedFields | null,
  [apiKey, ...others]: readonly [ApiKey, ...ApiKey[]],
): Promise<void> {
  const after = action === 'delete' ? null : audited(apiKey);
  await commitChange(em, {
    organizationId: apiKey.organizationId,
    actor: granter.actor,
    action: `api_key.${action}`,
    target: { type: 'api_key', id: apiKey.id, label: apiKey.label },
    ...auditedChange(before, after, { keyId: apiKey.keyId }),
    resources: [apiKey, ...others].map(({ id }) => ({ kind: 'api_key', id })),
  });
}

export interface NewApiKey extends SubjectChoice {
  readonly organizationId: string;
  readonly label: string;
  readonly scopes?: readonly string[] | null | undefined;
  readonly expiresAt?: Date | null | undefined;
}

/** A new key's record, with the key itself, which is stored nowhere. */
export interface CreatedApiKey {
  readonly apiKey: ApiKey;
  readonly key: string;
}

interface KeyFields extends KeySubject {
  readonly organizationId: string;
  readonly label: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
}

function addKey(
  em: EntityManager,
  granter: Granter,
  credential: NewCredential,
  fields: KeyFields,
): ApiKey {
  return em.create(ApiKey, {
    ...fields,
    id: uuidV7(),
    keyId: credential.id,
    secretHash: credential.hash,
    scopes: [...fields.scopes],
    revokedAt: null,
    replacedBy: null,
    lastUsedAt: null,
    createdBy: granter.actor.kind === 'user' ? granter.actor.id : null,
  });
}

async function isFull(em: EntityManager, organizationId: string): Promise<boolean> {
  return (await em.count(ApiKey, { organizationId })) >= apiKeyBounds.keysMax;
}

function tooMany<T>(): Outcome<T> {
  const text = `An organization has at most ${apiKeyBounds.keysMax} API keys: delete some that have ended.`;
  return refused(violation('organizationId', 'TOO_MANY', text));
}

export async function createApiKey(
  store: Store,
  granter: Granter,
  input: NewApiKey,
  nowMs: number,
): Promise<Outcome<CreatedApiKey>> {
  const { organizationId, label, expiresAt = null } = input;
  const scopes = input.scopes ?? defaultScopes;
  const subject = chosenSubject(input);
  const formal = [
    ...validateName('label', label),
    ...validateScopes(scopes),
    ...validateExpiry(expiresAt, nowMs),
    ...(subject.ok ? [] : subject.violations),
  ];
  if (!subject.ok || formal.length > 0) return { ok: false, violations: formal };
  return store.withOrganization(organizationId, async (em) => {
    if (await isFull(em, organizationId)) return tooMany();
    const violations = [
      ...(await subjectViolations(em, granter, organizationId, subject.value)),
      ...(await scopeViolations(em, organizationId, subject.value, scopes)),
    ];
    if (violations.length > 0) return { ok: false, violations };
    const credential = newCredential('apiKey');
    const fields = { ...subject.value, organizationId, label, scopes, expiresAt };
    const apiKey = addKey(em, granter, credential, fields);
    await commitKeys(em, granter, 'create', null, [apiKey]);
    return done({ apiKey, key: credential.text });
  });
}

export interface ApiKeyVersion {
  readonly organizationId: string;
  readonly id: string;
  readonly version: number;
}

function lockApiKey(em: EntityManager, input: ApiKeyVersion): Promise<Outcome<ApiKey>> {
  return lockVersion(em, ApiKey, input, 'API key');
}

/** Locks a key whose subject the caller may act for. */
async function lockOwnApiKey(
  em: EntityManager,
  granter: Granter,
  input: ApiKeyVersion,
): Promise<Outcome<ApiKey>> {
  const locked = await lockApiKey(em, input);
  if (!locked.ok) return locked;
  const violations = await subjectViolations(em, granter, input.organizationId, locked.value);
  if (violations.length === 0) return locked;
  const text = 'The key acts for somebody who may do more than the caller.';
  return refused(violation('id', 'NOT_ALLOWED', text));
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
  const { organizationId, scopes } = input;
  const formal = [
    ...(typeof input.label === 'string' ? validateName('label', input.label) : []),
    ...(scopes ? validateScopes(scopes) : []),
    ...validateExpiry(input.expiresAt, nowMs),
  ];
  if (formal.length > 0) return { ok: false, violations: formal };
  return store.withOrganization(organizationId, async (em) => {
    const locked = await lockOwnApiKey(em, granter, input);
    if (!locked.ok) return locked;
    const apiKey = locked.value;
    if (apiKey.replacedBy !== null && input.expiresAt !== undefined) {
      const text = 'Another key takes this one’s place: when it ends is settled.';
      return refused(violation('expiresAt', 'ENDED', text));
    }
    const violations = await scopeViolations(
      em,
      organizationId,
      apiKey,
      scopes ?? [],
      apiKey.scopes,
    );
    if (violations.length > 0) return { ok: false, violations };
    const before = audited(apiKey);
    apiKey.label = input.label ?? apiKey.label;
    if (scopes) apiKey.scopes = [...scopes];
    if (input.expiresAt !== undefined) apiKey.expiresAt = input.expiresAt;
    await commitKeys(em, granter, 'update', before, [apiKey]);
    return done(apiKey);
  });
}

export interface ApiKeyRotation extends ApiKeyVersion {
  /** How long the old key stays good; 0: it ends at once. */
  readonly overlapSeconds: number;
  /** When the new key ends; undefined: as long after now as the old one was made for; null: never. */
  readonly expiresAt?: Date | null | undefined;
}

function rotatedExpiry(old: ApiKey, input: ApiKeyRotation, nowMs: number): Date | null {
  if (input.expiresAt !== undefined) return input.expiresAt;
  if (old.expiresAt === null) return null;
  return new Date(nowMs + old.expiresAt.getTime() - old.createdAt.getTime());
}

/** When a key that is replaced ends: with the overlap, and not later than it would have anyway. */
function overlapEnd(old: ApiKey, { overlapSeconds }: ApiKeyRotation, nowMs: number): Date {
  const endMs = nowMs + overlapSeconds * 1000;
  return new Date(Math.min(endMs, old.expiresAt?.getTime() ?? endMs));
}

/**
 * Makes a new key for the same subject, with the same scopes and label, and ends the old one when the
 * overlap does. Sessions belong to the subject and go on.
 */
export async function rotateApiKey(
  store: Store,
  granter: Granter,
  input: ApiKeyRotation,
  nowMs: number,
): Promise<Outcome<CreatedApiKey>> {
  const { organizationId, overlapSeconds } = input;
  const { overlapSecondsMax } = apiKeyBounds;
  const formal = validateExpiry(input.expiresAt, nowMs);
  if (overlapSeconds < 0 || overlapSeconds > overlapSecondsMax) {
    const text = `An overlap lasts 0 to ${overlapSecondsMax} seconds.`;
    formal.push(violation('overlapSeconds', 'OUT_OF_RANGE', text));
  }
  if (formal.length > 0) return { ok: false, violations: formal };
  return store.withOrganization(organizationId, async (em) => {
    const locked = await lockOwnApiKey(em, granter, input);
    if (!locked.ok) return locked;
    const old = locked.value;
    const isExpired = old.expiresAt !== null && old.expiresAt.getTime() <= nowMs;
    if (old.revokedAt !== null || old.replacedBy !== null || isExpired) {
      return refused(violation('id', 'ENDED', 'This key has ended, or was replaced already.'));
    }
    if (await isFull(em, organizationId)) return tooMany();
    const before = audited(old);
    const credential = newCredential('apiKey');
    const { subjectUserId, serviceAccountId, label, scopes } = old;
    const apiKey = addKey(em, granter, credential, {
      ...{ organizationId, subjectUserId, serviceAccountId, label, scopes },
      expiresAt: rotatedExpiry(old, input, nowMs),
    });
    // Entities know no foreign keys: what is referred to goes first.
    await em.flush();
    old.replacedBy = apiKey.id;
    old.expiresAt = overlapEnd(old, input, nowMs);
    // Revoked, it is gone from every node, whatever the node's clock says.
    if (overlapSeconds === 0) old.revokedAt = new Date(nowMs);
    await commitKeys(em, granter, 'rotate', before, [old, apiKey]);
    return done({ apiKey, key: credential.text });
  });
}

/**
 * Ends a key at once; its record stays, so that request logs can be told apart. Whoever manages keys may
 * end any: a key that leaked must not wait for somebody with a larger role.
 */
export async function revokeApiKey(
  store: Store,
  granter: Granter,
  input: ApiKeyVersion,
  nowMs: number,
): Promise<Outcome<ApiKey>> {
  return store.withOrganization(input.organizationId, async (em) => {
    const locked = await lockApiKey(em, input);
    if (!locked.ok) return locked;
    const before = audited(locked.value);
    locked.value.revokedAt ??= new Date(nowMs);
    await commitKeys(em, granter, 'revoke', before, [locked.value]);
    return locked;
  });
}

/** Ends a key at once and removes its record. */
export async function deleteApiKey(
  store: Store,
  granter: Granter,
  input: ApiKeyVersion,
): Promise<Outcome<ApiKey>> {
  return store.withOrganization(input.organizationId, async (em) => {
    const locked = await lockOwnApiKey(em, granter, input);
    if (!locked.ok) return locked;
    em.remove(locked.value);
    await commitKeys(em, granter, 'delete', audited(locked.value), [locked.value]);
    return locked;
  });
}
