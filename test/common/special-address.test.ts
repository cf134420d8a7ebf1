import { describe, expect, test } from '@jest/globals';
import { isSpecialAddress, isSpecialHost } from '../../common/special-address.ts';

const special = [
  '127.0.0.1',
  '127.255.0.9',
  '10.1.2.3',
  '172.31.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  'fe80::1',
  'fd00:ec2::254',
  'ff02::1',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
];
const ordinary = ['1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:1.1.1.1'];

describe('an address', () => {
  test.each(special)('%s is special', (address) => expect(isSpecialAddress(address)).toBe(true));
  test.each(ordinary)('%s is not', (address) => expect(isSpecialAddress(address)).toBe(false));
});

describe('a URL’s host', () => {
  test.each([
    'http://localhost/',
    'http://a.localhost./',
    'http://metadata.google.internal/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]/',
    'http://[::ffff:10.0.0.1]/',
  ])('%s is special', (url) => expect(isSpecialHost(new URL(url).hostname)).toBe(true));
  test.each(['http://example.com/', 'http://localhost.example.com/', 'http://[2606:4700::1111]/'])(
    '%s is not',
    (url) => expect(isSpecialHost(new URL(url).hostname)).toBe(false),
  );
});
