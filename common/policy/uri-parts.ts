/** Schemes whose parsers forgive much (WHATWG URL, "special scheme"), with their default ports. */
export const defaultPorts: ReadonlyMap<string, number | undefined> = new Map([
  ['http', 80],
  ['https', 443],
  ['ws', 80],
  ['wss', 443],
  ['ftp', 21],
  ['file', undefined],
]);

/** Components of a URI (RFC 3986, section 3), as they are written. */
export interface UriParts {
  /** Lower case. */
  readonly scheme: string;
  /** Undefined: the URI has none, so that its path may be opaque. */
  readonly authority: string | undefined;
  readonly path: string;
  /** With their marks; empty: none. */
  readonly query: string;
  readonly fragment: string;
}

const schemePattern = /^[A-Za-z][A-Za-z0-9+.-]*$/;

function cutAt(text: string, mark: string): readonly [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}

function leadingSlashes(text: string): number {
  let count = 0;
  while (text[count] === '/') count += 1;
  return count;
}

/** Splits what starts with two slashes. */
function splitAuthority(rest: string): readonly [string, string] {
  const end = rest.indexOf('/', 2);
  return end < 0 ? [rest.slice(2), ''] : [rest.slice(2, end), rest.slice(end)];
}

/** What stands before the query. The schemes above take any number of slashes, as their parsers do. */
function splitHierarchy(scheme: string, rest: string): readonly [string | undefined, string] {
  const slashes = leadingSlashes(rest);
  if (scheme === 'file' && slashes !== 2) return ['', `/${rest.slice(slashes)}`];
  if (scheme !== 'file' && defaultPorts.has(scheme)) {
    return splitAuthority(`//${rest.slice(slashes)}`);
  }
  return slashes < 2 ? [undefined, rest] : splitAuthority(rest);
}

/** Undefined: it has no scheme, so that it is no URI. */
export function splitUri(text: string): UriParts | undefined {
  const colon = text.indexOf(':');
  if (colon < 0 || !schemePattern.test(text.slice(0, colon))) return undefined;
  const scheme = text.slice(0, colon).toLowerCase();
  const [beforeFragment, fragment] = cutAt(text.slice(colon + 1), '#');
  const [hierarchy, query] = cutAt(beforeFragment, '?');
  const rest = defaultPorts.has(scheme) ? hierarchy.replaceAll('\\', '/') : hierarchy;
  const [authority, path] = splitHierarchy(scheme, rest);
  return { scheme, authority, path, query, fragment };
}

/** The parts of an authority (RFC 3986, section 3.2); empty: not there. */
export interface AuthorityParts {
  /** With its `@`. */
  readonly user: string;
  readonly host: string;
  /** Digits. */
  readonly port: string;
}

export function splitAuthorityParts(authority: string): AuthorityParts {
  const at = authority.lastIndexOf('@') + 1;
  const user = authority.slice(0, at);
  const rest = authority.slice(at);
  const colon = rest.lastIndexOf(':');
  const hasPort = colon >= 0 && /^\d*$/.test(rest.slice(colon + 1));
  return hasPort
    ? { user, host: rest.slice(0, colon), port: rest.slice(colon + 1) }
    : { user, host: rest, port: '' };
}

/** Resolves `.` and `..` (RFC 3986, section 5.2.4), also of a path that starts at no root. */
export function removeDotSegments(path: string): string {
  const segments = path.split('/');
  const keptMin = path.startsWith('/') ? 1 : 0;
  const kept: string[] = [];
  for (const [index, segment] of segments.entries()) {
    if (segment !== '..' && segment !== '.') kept.push(segment);
    else {
      if (segment === '..' && kept.length > keptMin) kept.pop();
      // The path names a folder: it keeps its slash at the end.
      if (index === segments.length - 1) kept.push('');
    }
  }
  return kept.join('/');
}
