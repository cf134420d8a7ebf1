export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };

/**
 * JSON with one spelling for each value: keys sorted by UTF-16 code units, no white space, numbers and
 * strings as JSON.stringify writes them (RFC 8785). A hash over it can be computed again after the value
 * went through PostgreSQL's jsonb, which keeps neither the order of keys nor white space.
 * @throws for a number that JSON can't hold.
 */
export function canonicalJson(value: JsonValue): string {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new TypeError('JSON holds finite numbers only.');
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value as JsonObject)
    .sort(([a], [b]) => (a < b ? -1 : Number(a > b)))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

/** Text as PostgreSQL can store it: without NUL, and without halves of surrogate pairs. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** The same for every string in a value, keys included. */
export function storableJson<T extends JsonValue>(value: T): T {
  if (typeof value === 'string') return storableText(value) as T;
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value))
    return value.map((item: JsonValue) => storableJson(item)) as unknown as T;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      storableText(key),
      storableJson(item as JsonValue),
    ]),
  ) as T;
}
