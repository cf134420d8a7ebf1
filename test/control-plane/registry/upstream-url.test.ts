import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { validateUpstreamUrl } from '../../../control-plane/registry/upstream-url.ts';

const codes = (url: string, privateAddressesAllowed = false) =>
  validateUpstreamUrl('url', url, { privateAddressesAllowed }).map(({ code }) => code);

describe('the URL of an endpoint', () => {
  test.each([
    'https://mcp.example.com/mcp',
    'http://mcp.example.com:8080/a?b=c',
    'https://[2606:4700::1111]/mcp',
    'http://8.8.8.8/',
  ])('may be %s', (url) => {
    expect(codes(url)).toEqual([]);
  });

  test.each([
    '',
    'mcp.example.com',
    '/mcp',
    'ftp://example.com/',
    'file:///etc/passwd',
    'http:///x',
    'https://exa mple.com/',
    'https://user:secret@example.com/',
    'https://example.com/#part',
  ])('may not be %s', (url) => {
    expect(codes(url, true)).toEqual(['INVALID_FORMAT']);
  });

  test.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://localhost/',
    'http://api.localhost./',
    'http://[::1]/',
    'http://[::ffff:10.0.0.1]/',
    'http://[64:ff9b::a00:1]/',
    'http://10.1.2.3/',
    'http://172.31.255.255/',
    'http://192.168.1.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://metadata.google.internal/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://0.0.0.0/',
    'http://100.64.0.1/',
  ])('is special at %s and needs permission', (url) => {
    expect(codes(url)).toEqual(['ADDRESS_NOT_ALLOWED']);
    expect(codes(url, true)).toEqual([]);
  });

  test('never lets a private IPv4 address through, however it is written', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(byte, byte, byte, fc.constantFrom('10', '127'), (b, c, d, a) => {
        const value = ((Number(a) * 256 + b) * 256 + c) * 256 + d;
        for (const host of [`${a}.${b}.${c}.${d}`, String(value), `0x${value.toString(16)}`]) {
          expect(codes(`http://${host}/`)).toEqual(['ADDRESS_NOT_ALLOWED']);
        }
      }),
    );
  });

  test('of any text is answered, never thrown about', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => Array.isArray(codes(text))));
    fc.assert(fc.property(fc.webUrl(), (url) => Array.isArray(codes(url))));
  });
});
