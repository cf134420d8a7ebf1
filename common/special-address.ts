import { BlockList, isIPv4, isIPv6 } from 'node:net';

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
 * True for an IP address that is not on the public Internet: loopback, private, link-local (where clouds
 * keep their metadata), multicast and the like.
 */
export function isSpecialAddress(address: string): boolean {
  if (isIPv4(address)) return special.check(address, 'ipv4');
  return isIPv6(address) && special.check(address, 'ipv6');
}

/**
 * True when a URL's host is an address, or a name that by itself says an address, which is not on the
 * public Internet. Other names are not resolved here: what they resolve to can change at any time, so
 * that whoever connects has to check what it connects to.
 */
export function isSpecialHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (isIPv4(host) || isIPv6(host)) return isSpecialAddress(host);
  return host === 'localhost' || host.endsWith('.localhost') || host.endsWith('.internal');
}
