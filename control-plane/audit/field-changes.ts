import { createHash } from 'node:crypto';
import { types } from 'node:util';
import { canonicalJson, type JsonObject, type JsonValue } from './canonical-json.ts';

class SecretReplaced {
  readonly kind = 'secretReplaced';
}

/** Stands for a secret that was written again: it differs from every other value, also from itself. */
export const secretReplaced = new SecretReplaced();

/**
 * What a field of an audited object may hold: JSON, with times (ISO 8601) and undefined (null). `object`,
 * because an interface of plain fields has no index signature.
 */
export type AuditedValue = string | number | boolean | null | undefined | object;

/** An object's fields as the audit trail is to know them, by their names in the API. */
export type AuditedFields = { readonly [name: string]: AuditedValue };

/** What stands for the value of a secret. That it changed can be seen from `changed`. */
export const redacted = '[redacted]';

/** Names whose values never reach the trail, wherever they stand in an object. */
const secretNames: ReadonlySet<string> = new Set([
  'accessToken',
  'authorization',
  'ciphertext',
  'clientSecret',
  'credential',
  'key',
  'newPassword',
  'password',
  'passwordHash',
  'privateKey',
  'refreshToken',
  'refreshTokenHash',
  'secret',
  'secretHash',
  'token',
  'tokenHash',
  'wrappedKey',
  'wrappedPrivateKey',
]);
/** For names that nobody thought of. A false alarm costs an entry some detail, a miss costs a secret. */
const secretPattern = /(?:secret|password|privatekey|token|hash|ciphertext)$/i;

/** Fields about a person: they go to the part of an entry that can be erased. */
const personalNames: ReadonlySet<string> = new Set([
  'clientAddress',
  'displayName',
  'email',
  'label',
  'subject',
  'userAgent',
]);

/** A longer value is named by its length and hash instead: an entry's size is bounded, and it still proves. */
const valueCharactersMax = 4000;

function isSecret(name: string): boolean {
  return secretNames.has(name) || secretPattern.test(name);
}

/** A URL's user information and query may hold a credential. */
function withoutUrlSecrets(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.username === '' && url.password === '' && url.search === '') return text;
  url.username = '';
  url.password = '';
  if (url.search !== '') url.search = redacted;
  return url.href;
}

function shown(value: AuditedValue): JsonValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return withoutUrlSecrets(value);
  if (typeof value !== 'object') return value;
  if (value instanceof SecretReplaced) return redacted;
  if (types.isDate(value)) return value.toISOString();
  if (Array.isArray(value)) return value.map((item: AuditedValue) => shown(item));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]: [string, AuditedValue]) => [
      name,
      isSecret(name) && member !== null && member !== undefined ? redacted : shown(member),
    ]),
  );
}

function bounded(value: JsonValue): JsonValue {
  const text = canonicalJson(value);
  if (text.length <= valueCharactersMax) return value;
  return { characters: text.length, sha256: createHash('sha256').update(text).digest('hex') };
}

/** A value with its secrets, for comparing alone. */
function plain(value: AuditedValue): JsonValue {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'object') return value;
  if (value instanceof SecretReplaced) return crypto.randomUUID();
  if (types.isDate(value)) return value.toISOString();
  if (Array.isArray(value)) return value.map((item: AuditedValue) => plain(item));
  const members: [string, AuditedValue][] = Object.entries(value);
  return Object.fromEntries(members.map(([name, member]) => [name, plain(member)]));
}

function differ(before: AuditedValue, after: AuditedValue): boolean {
  // By the canonical form: jsonb gives an object back with its keys in another order.
  return canonicalJson(plain(before)) !== canonicalJson(plain(after));
}

function side(fields: AuditedFields | null, names: readonly string[]): JsonObject | undefined {
  if (fields === null || names.length === 0) return undefined;
  // Through the object's rule, so that a secret is one at the top as well as further in.
  const all = shown(Object.fromEntries(names.map((name) => [name, fields[name]]))) as JsonObject;
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, bounded(value)]));
}

function sides(
  before: AuditedFields | null,
  after: AuditedFields | null,
  names: readonly string[],
): JsonObject {
  const [was, is] = [side(before, names), side(after, names)];
  return { ...(was && { before: was }), ...(is && { after: is }) };
}

/** The two parts of an audit event that say what changed. */
export interface AuditedChange {
  readonly details: JsonObject;
  readonly privateDetails?: JsonObject;
}

/**
 * What a change did to an object, for its audit entry: `changed` (names), `before` and `after` (values of
 * the fields that changed). No `before`: the object is new, all its fields stand in `after`; no `after`: it
 * is gone. Secrets are redacted, and personal fields stand in `privateDetails`, in the same form.
 *
 * Take `before` ahead of the change: `auditedFields` copies what it is given.
 * @param more facts about the change that are no fields of the object.
 */
export function auditedChange(
  before: AuditedFields | null,
  after: AuditedFields | null,
  more: JsonObject = {},
): AuditedChange {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changed = names.filter(
    (name) => before === null || after === null || differ(before[name], after[name]),
  );
  const isPersonal = (name: string) => personalNames.has(name) && !isSecret(name);
  const details = {
    ...more,
    ...(before !== null && after !== null && { changed }),
    ...sides(
      before,
      after,
      changed.filter((name) => !isPersonal(name)),
    ),
  };
  const personal = sides(before, after, changed.filter(isPersonal));
  return Object.keys(personal).length === 0 ? { details } : { details, privateDetails: personal };
}

/** Copies the named fields of a row, so that they stay as they are when the row changes. */
export function auditedFields<Name extends string>(
  row: { readonly [Key in Name]: AuditedValue },
  names: readonly Name[],
): AuditedFields {
  return structuredClone(Object.fromEntries(names.map((name) => [name, row[name]])));
}
