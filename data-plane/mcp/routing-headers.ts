/** Fields of a modern request's params that `Mcp-Name` repeats, by method. */
const nameFields: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

const sentinelStart = '=?base64?';
const sentinelEnd = '?=';

/**
 * Value of a routing header after the Base64 form `=?base64?…?=` is resolved, or undefined when that form
 * is broken [2026-07-28/basic/transports/streamable-http, "Value Encoding"].
 */
export function decodeHeaderValue(value: string): string | undefined {
  if (!value.startsWith(sentinelStart) || !value.endsWith(sentinelEnd)) return value;
  const encoded = value.slice(sentinelStart.length, -sentinelEnd.length);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(encoded) || encoded.length % 4 !== 0) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The Base64 form where plain text would not survive as a header value. */
export function encodeHeaderValue(value: string): string {
  const plain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value);
  if (plain && !value.startsWith(sentinelStart)) return value;
  return `${sentinelStart}${Buffer.from(value, 'utf8').toString('base64')}${sentinelEnd}`;
}

/** The value that `Mcp-Name` must repeat, or undefined where the request has none. */
export function routingName(
  method: string,
  params: Readonly<Record<string, unknown>>,
): string | undefined {
  const field = Object.hasOwn(nameFields, method) ? nameFields[method] : undefined;
  const value = field === undefined ? undefined : params[field];
  return typeof value === 'string' ? value : undefined;
}
