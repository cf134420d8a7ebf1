import { isIPv4, isIPv6 } from 'node:net';

/** Groups of an IPv6 address, without a zone; undefined when it can't be read. */
function groupsOf(address: string): string[] | undefined {
  if (!isIPv6(address) || !URL.canParse(`http://[${address}]`)) return undefined;
  // The URL parser gives the one canonical form (RFC 5952), an IPv4 part included.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const before = head === '' ? [] : head.split(':');
  if (tail === undefined) return before;
  const after = tail === '' ? [] : tail.split(':');
  return [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
}

/**
 * The block of addresses that one party has to itself: an IPv4 address, the /64 of an IPv6 one (a single
 * line gets 2^64 of them). An IPv4 address written as IPv6 is that IPv4 address.
 */
export function addressBlock(address: string): string {
  const [plain = ''] = address.split('%');
  if (isIPv4(plain)) return plain;
  const groups = groupsOf(plain);
  if (groups === undefined) return address.slice(0, 64);
  const isMapped = groups.slice(0, 5).every((group) => group === '0') && groups[5] === 'ffff';
  if (isMapped) {
    const [high = 0, low = 0] = groups.slice(6).map((group) => Number.parseInt(group, 16));
    return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}
