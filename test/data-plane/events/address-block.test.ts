import { expect, test } from '@jest/globals';
import { addressBlock } from '../../../data-plane/events/address-block.ts';

test.each([
  ['192.0.2.77', '192.0.2.0/24'],
  ['::ffff:192.0.2.77', '192.0.2.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
  ['2001:0DB8:0001::6', '2001:db8:1::/48'],
  ['2001:db8::1', '2001:db8:0::/48'],
  ['::1', '0:0:0::/48'],
  ['::', '0:0:0::/48'],
  ['fe80::1%eth0', 'fe80:0:0::/48'],
  ['1::', '1:0:0::/48'],
  ['not an address', ''],
  ['', ''],
])('%s is counted under %s', (address, block) => {
  expect(addressBlock(address)).toBe(block);
});
