import { BlockList, isIP } from 'node:net';
import { ConditionValueError } from './condition-value-error.ts';

/**
 * Reads a range such as `10.0.0.0/8` or `2001:db8::/32`; an address alone is a range of one. Answers whether
 * an address lies in it: an IPv4 address written as IPv6 is that IPv4 address. Both throw `ConditionValueError` for
 * what can't be read.
 */
export function addressRange(cidr: string): (address: string) => boolean {
  const [base = '', bits, ...rest] = cidr.split('/');
  const version = isIP(base);
  const widest = version === 4 ? 32 : 128;
  const isPrefix =
    bits === undefined || (/^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= widest);
  if (version === 0 || !isPrefix || rest.length > 0 || base.includes('%')) {
    throw new ConditionValueError('the range is not written like 10.0.0.0/8 or 2001:db8::/32');
  }
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(base, bits === undefined ? widest : Number(bits), family);
  return (address) => {
    // A zone names an interface, not another address.
    const [plain = ''] = address.split('%');
    const of = isIP(plain);
    if (of === 0) throw new ConditionValueError('the address is not an IP address');
    return list.check(plain, of === 4 ? 'ipv4' : 'ipv6');
  };
}
