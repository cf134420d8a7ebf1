/** An object of JSON. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One text or a list of texts; undefined: it is neither. */
export function textList(value: unknown): readonly string[] | undefined {
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) return undefined;
  return value.every((item) => typeof item === 'string') ? value : undefined;
}

/** The latest time that a Date holds, in seconds. */
const secondsMax = 8_640_000_000_000;

/** A NumericDate (RFC 7519, section 2) in milliseconds; undefined: it is none. */
export function numericDateMs(value: unknown): number | undefined {
  if (typeof value !== 'number' || !(value >= 0 && value <= secondsMax)) return undefined;
  return value * 1000;
}

/** Visible ASCII and spaces: what OpenID Connect allows in a subject, and what logs can show. */
export function isPlainText(value: unknown, lengthMax: number): value is string {
  return typeof value === 'string' && value.length <= lengthMax && /^[\x20-\x7e]+$/.test(value);
}
