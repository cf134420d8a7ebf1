import { isIPv4, isIPv6 } from 'node:net';

function ipv4Block(address: string): string {
  return `${address.split('.').slice(0, 3).join('.')}.0/24`;
}

/** The eight groups of an IPv6 address without an embedded IPv4 address. */
function groups(address: string): string[] {
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  if (tail === undefined) return before;
  const after = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return [...before, ...zeros, ...after];
}

/**
 * Block that an address is counted under: IPv4 /24 or IPv6 /48, in CIDR notation. One household or
 * company has one block; strangers can't make a row of their own for each address. Empty for text
 * that is no address.
 */
export function addressBlock(address: string): string {
  const bare = address.split('%', 1)[0] ?? '';
  const embedded = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1] ?? bare;
  if (isIPv4(embedded)) return ipv4Block(embedded);
  if (!isIPv6(bare)) return '';
  const [first = '0', second = '0', third = '0'] = groups(bare).map((group) =>
    group.replace(/^0+(?=.)/, '').toLowerCase(),
  );
  return `${first}:${second}:${third}::/48`;
}
