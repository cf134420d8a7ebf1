import { bytesOf, decodeFully, normalizeEncoding } from './uri-encoding.ts';
import {
  defaultPorts,
  removeDotSegments,
  splitAuthorityParts,
  splitUri,
  type UriParts,
} from './uri-parts.ts';

/** An address in one of the many spellings that parsers of URLs know, in the usual one. */
function canonicalHost(scheme: string, written: string): string {
  const lower = normalizeEncoding(normalizeEncoding(written).toLowerCase());
  if (!defaultPorts.has(scheme)) return lower;
  // The port keeps a colon in the host from being taken for one.
  const url = URL.parse(`http://${lower}:80/`);
  const host = url === null || url.username !== '' ? lower : url.hostname;
  return scheme === 'file' && host === 'localhost' ? '' : host;
}

function canonicalPort(scheme: string, port: string): string {
  const isDefault = port === '' || Number(port) === defaultPorts.get(scheme);
  return isDefault ? '' : `:${port.replace(/^0+(?=\d)/, '')}`;
}

function canonicalAuthority(scheme: string, authority: string): string {
  const { user, host, port } = splitAuthorityParts(authority);
  return normalizeEncoding(user) + canonicalHost(scheme, host) + canonicalPort(scheme, port);
}

function withoutEmptySegments(path: string): string {
  return path.replaceAll(/\/{2,}/g, '/');
}

function canonicalPath({ scheme, authority, path }: UriParts): string {
  const plain = normalizeEncoding(path);
  // Without a root it is no hierarchy: dots in it are characters.
  if (authority === undefined && !plain.startsWith('/')) return plain;
  const resolved = removeDotSegments(plain);
  if (resolved === '' && defaultPorts.has(scheme)) return '/';
  return scheme === 'file' ? withoutEmptySegments(resolved) : resolved;
}

function join(scheme: string, authority: string | undefined, rest: string): string {
  return authority === undefined ? `${scheme}:${rest}` : `${scheme}://${authority}${rest}`;
}

function canonicalForm(bytes: string): string {
  const parts = splitUri(bytes);
  if (parts === undefined) {
    const plain = normalizeEncoding(bytes);
    return splitUri(plain) === undefined ? plain : canonicalForm(plain);
  }
  const { scheme, authority, query, fragment } = parts;
  const canonical = authority === undefined ? undefined : canonicalAuthority(scheme, authority);
  const tail = normalizeEncoding(query) + normalizeEncoding(fragment);
  return join(scheme, canonical, canonicalPath(parts) + tail);
}

/**
 * The one spelling of a resource's URI (RFC 3986, sections 6.2.2 and 6.2.3): scheme and host in lower case,
 * nothing encoded that needn't be, no dot segments, no default port; of http, file and their like also what
 * parsers of URLs forgive. What is no URI stays its own text, with its encoding normalized. Expressions of a
 * URI template (RFC 6570) stay as they are.
 */
export function canonicalResourceUri(uri: string): string {
  return canonicalForm(bytesOf(uri));
}

/** Without what lenient parsers throw away: line ends and tabs anywhere, controls and spaces at the ends. */
function withoutControls(bytes: string): string {
  const kept = bytes.replaceAll(/[\t\n\r]/g, '');
  let start = 0;
  let end = kept.length;
  while (start < end && kept.charCodeAt(start) <= 0x20) start += 1;
  while (end > start && kept.charCodeAt(end - 1) <= 0x20) end -= 1;
  return kept.slice(start, end);
}

function lenientAuthority(scheme: string, authority: string): string {
  const { host, port } = splitAuthorityParts(authority);
  const plain = canonicalHost(scheme, host).replace(/\.$/, '');
  return plain + canonicalPort(scheme, port);
}

function lenientPath(path: string): string {
  return normalizeEncoding(removeDotSegments(withoutEmptySegments(path)));
}

/** Everything decoded and resolved that anybody may decode or resolve on the way to the resource. */
function lenientForm(bytes: string): string {
  const decoded = withoutControls(decodeFully(bytes)).replaceAll('\\', '/');
  const parts = splitUri(decoded) ?? splitUri(`file:///${decoded}`);
  if (parts === undefined) return decoded;
  const { scheme, authority, path } = parts;
  if (scheme === 'file') {
    // Whoever takes `file://` off and resolves the rest takes dots for folders, not for a host.
    const isFolder = authority === '.' || authority === '..';
    const host = isFolder ? '' : lenientAuthority(scheme, authority ?? '');
    return join(scheme, host, lenientPath(isFolder ? `/${authority}${path}` : path));
  }
  const query = normalizeEncoding(parts.query);
  if (authority === undefined) return join(scheme, undefined, lenientPath(path) + query);
  // Names such as `config://app` go with a slash or without; addresses always have a path.
  const root = defaultPorts.has(scheme) ? '/' : '';
  const resolved = lenientPath(path);
  const named = resolved === '' || resolved === '/' ? root : resolved;
  return join(scheme, lenientAuthority(scheme, authority), named + query);
}

/**
 * What a URI may mean to whoever reads it: its canonical form, and where a careless reader would come to
 * something else (encoded slashes, what is encoded twice, empty segments, fragments, a user before the host)
 * also that. A caller has to be allowed all of them: otherwise a rule about one is dodged by spelling it as
 * another.
 */
export function resourceReadings(uri: string): readonly string[] {
  const bytes = bytesOf(uri);
  const canonical = canonicalForm(bytes);
  return [...new Set([canonical, lenientForm(bytes), lenientForm(canonical)])];
}
