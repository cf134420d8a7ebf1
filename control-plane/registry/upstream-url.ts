import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { type Violation, violation } from '../input/violation.ts';

/** Which addresses upstream servers may have. */
export interface UpstreamAddressRules {
  /**
   * Whether URLs may name loopback, private, link-local and other addresses that are not on the public
   * Internet. Off unless the installation's own servers stand there: whoever may register a server could
   * else make nodes call services that trust their network (SSRF).
   */
  readonly privateAddressesAllowed: boolean;
}

export const urlLengthMax = 2000;

/** Addresses that are not globally reachable (IANA special-purpose registries, RFC 6890). */
const special = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  special.addSubnet(net, prefix, 'ipv4');
}
for (const [net, prefix] of [
  ['::', 128],
  ['::1', 128],
  // Forms that carry an IPv4 address; IPv4-mapped ones are checked by the rules above.
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2002::', 16],
  ['2001::', 32],
  ['100::', 64],
  ['2001:db8::', 32],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  special.addSubnet(net, prefix, 'ipv6');
}

/**
 * True when a URL's host is an address, or a name that by itself says an address, which is not on the
 * public Internet. Other names are not resolved here: what they resolve to can change at any time.
 */
function isSpecialHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (isIPv4(host)) return special.check(host, 'ipv4');
  if (isIPv6(host)) return special.check(host, 'ipv6');
  return host === 'localhost' || host.endsWith('.localhost') || host.endsWith('.internal');
}

/**
 * Checks the URL of an MCP endpoint: absolute, http or https, without credentials (they belong into the
 * sealed credential) and fragment, and at an address that is allowed here.
 */
export function validateUpstreamUrl(
  path: string,
  text: string,
  rules: UpstreamAddressRules,
): Violation[] {
  if (text.length > urlLengthMax) {
    return [violation(path, 'TOO_LONG', `A URL has at most ${urlLengthMax} characters.`)];
  }
  const form = violation(path, 'INVALID_FORMAT', 'An absolute http or https URL is needed.');
  if (!/^https?:\/\/[^\s/\\?#]\S*$/i.test(text) || !text.isWellFormed() || !URL.canParse(text)) {
    return [form];
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    const message = 'A URL holds no user or password; set a credential instead.';
    return [violation(path, 'INVALID_FORMAT', message)];
  }
  if (text.includes('#')) {
    return [violation(path, 'INVALID_FORMAT', 'An MCP URL has no fragment.')];
  }
  if (!rules.privateAddressesAllowed && isSpecialHost(url.hostname)) {
    const message = 'Private, loopback and other special addresses are not allowed here.';
    return [violation(path, 'ADDRESS_NOT_ALLOWED', message)];
  }
  return [];
}

/** The form under which a URL is stored and compared: as the URL standard writes it. */
export function normalizeUpstreamUrl(text: string): string {
  return new URL(text).href;
}
