import type { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { createClientAddress } from '../../../control-plane/graphql/client-address.ts';

function from(trusted: readonly string[], remoteAddress: string, forwarded?: string): string {
  const socket = { remoteAddress } as Socket;
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return createClientAddress(trusted)({ socket, headers });
}

describe('the address of a client', () => {
  test.each([
    ['no proxy is trusted', [], '192.0.2.1', '203.0.113.9', '192.0.2.1'],
    ['the peer is no trusted proxy', ['10.0.0.0/8'], '192.0.2.1', '203.0.113.9', '192.0.2.1'],
    ['a trusted proxy says nothing', ['10.0.0.0/8'], '10.1.2.3', undefined, '10.1.2.3'],
    ['a trusted proxy says whose', ['10.0.0.0/8'], '10.1.2.3', '203.0.113.9', '203.0.113.9'],
    [
      'two of them stand in line',
      ['10.0.0.0/8'],
      '10.1.2.3',
      '203.0.113.9, 10.9.9.9',
      '203.0.113.9',
    ],
    [
      'the client wrote an address of its own',
      ['10.0.0.1'],
      '10.0.0.1',
      '198.51.100.7, 203.0.113.9',
      '203.0.113.9',
    ],
    [
      'the client wrote a trusted address',
      ['10.0.0.1'],
      '10.0.0.1',
      '10.0.0.1, 203.0.113.9',
      '203.0.113.9',
    ],
    [
      'what the proxy says is no address',
      ['10.0.0.1'],
      '10.0.0.1',
      '203.0.113.9, unknown',
      '10.0.0.1',
    ],
    ['all that is known is proxies', ['10.0.0.0/8'], '10.1.2.3', '10.4.5.6', '10.4.5.6'],
    [
      'the peer is an IPv4 address written as IPv6',
      ['10.0.0.1'],
      '::ffff:10.0.0.1',
      '203.0.113.9',
      '203.0.113.9',
    ],
    ['everything is IPv6', ['fd00::/8'], 'fd00::1', '2001:db8::7', '2001:db8::7'],
    ['the peer is in another IPv6 network', ['fd00::/8'], 'fe80::1', '2001:db8::7', 'fe80::1'],
  ])('when %s', (_case, trusted, peer, forwarded, expected) => {
    expect(from(trusted, peer, forwarded)).toBe(expected);
  });

  test('a header of a million addresses is read from its end alone', () => {
    const trusted = Array<string>(200_000).fill('10.0.0.1').join(',');
    expect(from(['10.0.0.0/8'], '10.0.0.1', `203.0.113.9,${trusted}`)).toBe('10.0.0.1');
  });

  test.each(['loopback', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0', 'fd00::/129', ''])(
    'a trusted proxy %j is refused',
    (text) => {
      expect(() => createClientAddress([text])).toThrow(RangeError);
    },
  );
});
