import type { UpstreamCredentialEntry } from '../snapshot/snapshot.ts';

/**
 * Names that a request never brings along: what belongs to the connection is the transport's, and what
 * belongs to the caller stays at the gateway.
 */
const forbiddenNames: ReadonlySet<string> = new Set([
  'accept-encoding',
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Names and values in turn, as undici takes them. The credential wins over a field of its name, so that
 * a caller can't speak with a credential of its own choice.
 *
 * @throws TypeError when given a name that is the transport's or the caller's own: the pipeline leaks.
 */
export function requestHeaders(
  headers: Readonly<Record<string, string>>,
  credential: UpstreamCredentialEntry | undefined,
): string[] {
  // We relay bytes and look into event streams; a compressed answer would be of no use.
  const list = ['accept-encoding', 'identity'];
  for (const name in headers) {
    if (forbiddenNames.has(name)) {
      throw new TypeError(`The header ${name} must not be given to an upstream transport`);
    }
    const value = headers[name];
    if (value !== undefined && name !== credential?.header) list.push(name, value);
  }
  if (credential !== undefined) list.push(credential.header, credential.value);
  return list;
}

/** A response's fields by lower-case name, repeated ones joined as RFC 9110, section 5.3 has it. */
export function responseHeaders(
  fields: Readonly<Record<string, string | string[] | undefined>>,
): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const name in fields) {
    const value = fields[name];
    if (typeof value === 'string') headers.set(name, value);
    else if (value !== undefined) headers.set(name, value.join(', '));
  }
  return headers;
}

/** Whether a response is a stream of server-sent events. */
export function isEventStream(headers: ReadonlyMap<string, string>): boolean {
  const type = headers.get('content-type');
  return type !== undefined && /^text\/event-stream\s*(?:;|$)/i.test(type);
}
