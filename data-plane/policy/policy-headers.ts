/** Longer values are cut, in UTF-16 units. */
const valueLengthMax = 1024;

/** Headers that prove who calls: nothing that conditions or records have any business with. */
const secret: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'mcp-session-id',
]);

const none: ReadonlyMap<string, string> = new Map();

/**
 * The headers of a request that its organization lets conditions read, by name in lower case.
 *
 * @param raw names and values in turn; a header that stands there more often is joined (RFC 9110, 5.3).
 * @param allowed in lower case.
 */
export function readPolicyHeaders(
  raw: readonly string[],
  allowed: readonly string[],
): ReadonlyMap<string, string> {
  if (allowed.length === 0) return none;
  const found = new Map<string, string>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    if (!allowed.includes(name) || secret.has(name)) continue;
    const before = found.get(name);
    const value = raw[index + 1] ?? '';
    const joined = before === undefined ? value : `${before}, ${value}`;
    found.set(name, joined.slice(0, valueLengthMax));
  }
  return found;
}
