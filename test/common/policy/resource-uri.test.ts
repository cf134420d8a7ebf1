import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compilePattern } from '../../../common/policy/pattern.ts';
import { canonicalResourcePattern } from '../../../common/policy/resource-pattern.ts';
import { canonicalResourceUri, resourceReadings } from '../../../common/policy/resource-uri.ts';

describe('the canonical form of a URI', () => {
  test.each([
    ['FILE:///a', 'file:///a'],
    ['file:///a/./b/../c', 'file:///a/c'],
    ['file:///a/../../etc', 'file:///etc'],
    ['file:///a/%2e%2e/etc', 'file:///etc'],
    ['file:///a/%2E./etc', 'file:///etc'],
    ['file:///a//b', 'file:///a/b'],
    ['file:////etc//passwd', 'file:///etc/passwd'],
    ['file:/etc', 'file:///etc'],
    ['file:etc', 'file:///etc'],
    ['file:\\etc\\passwd', 'file:///etc/passwd'],
    ['file://localhost/etc', 'file:///etc'],
    ['file://LOCALHOST/etc', 'file:///etc'],
    ['file:///a/..', 'file:///'],
    ['file:///caf\u00e9', 'file:///caf%C3%A9'],
    ['file:///caf%c3%a9', 'file:///caf%C3%A9'],
    ['file:///%61', 'file:///a'],
    ['file:///a b', 'file:///a%20b'],
    ['file:///a%2fb', 'file:///a%2Fb'],
    ['file:///a%21', 'file:///a!'],
    ['file:///100%', 'file:///100%25'],
    ['file:///100%25', 'file:///100%25'],
    ['file:///a%zz', 'file:///a%25zz'],
    ['https://Example.COM', 'https://example.com/'],
    ['https://example.com:443/', 'https://example.com/'],
    ['https://example.com:/', 'https://example.com/'],
    ['https://example.com:0443/', 'https://example.com/'],
    ['https://example.com:8443/', 'https://example.com:8443/'],
    ['http://example.com:443/', 'http://example.com:443/'],
    ['https:example.com/a', 'https://example.com/a'],
    ['https:\\\\example.com\\a', 'https://example.com/a'],
    ['http://0x7f.1/', 'http://127.0.0.1/'],
    ['http://ex\uff41mple.com/', 'http://example.com/'],
    ['http://[::1]:80/', 'http://[::1]/'],
    ['https://example.com/a?b=%7e#%7E', 'https://example.com/a?b=~#~'],
    ['NOTE://Inbox/A', 'note://inbox/A'],
    ['note://inbox', 'note://inbox'],
    ['note://inbox/../x', 'note://inbox/x'],
    ['urn:ISBN:0', 'urn:ISBN:0'],
    ['URN:a/../b', 'urn:a/../b'],
    ['mailto:A@b.c', 'mailto:A@b.c'],
    ['repo://{owner}/{name}{?ref}', 'repo://{owner}/{name}{?ref}'],
    ['file:///{+path}', 'file:///{+path}'],
    ['/etc/passwd', '/etc/passwd'],
    ['', ''],
    ['fi%6ce:///a/../etc', 'file:///etc'],
    ['note://\ud800', 'note://%EF%BF%BD'],
  ])('of %s is %s', (uri, canonical) => expect(canonicalResourceUri(uri)).toBe(canonical));
});

describe('no spelling dodges a rule about file:///etc/passwd', () => {
  test.each([
    'file:///etc/passwd',
    'File:///etc/passwd',
    'file:/etc/passwd',
    'file:///srv/../etc/passwd',
    'file:///srv/%2e%2e/etc/passwd',
    'file:///srv/.%2E/etc/passwd',
    'file:///srv/..%2fetc/passwd',
    'file:///srv%2f..%2fetc%2fpasswd',
    'file:///srv/..%252fetc/passwd',
    'file:///%2565tc/passwd',
    'file:///srv/..%5cetc%5cpasswd',
    'file:///srv/..\\etc\\passwd',
    'file:///srv//../etc/passwd',
    'file:////etc/passwd',
    'file:///etc//passwd',
    'file:///./etc/./passwd',
    'file:///etc%2fpasswd',
    'file:///etc/passwd#x',
    'file:///etc/passwd?x',
    'file:///etc/passwd%23x',
    'file:///etc/passwd%3Fx',
    'file://localhost/etc/passwd',
    'file://../etc/passwd',
    'file://./etc/passwd',
    ' file:///etc/passwd',
    'fi\tle:///etc/pass\nwd',
    'file:///etc/passwd ',
    'fi%6ce:///etc/passwd',
    'file%3A///etc/passwd',
    '/etc/passwd',
    '/srv/../etc/passwd',
    '\\etc\\passwd',
    'etc/passwd',
  ])('%j', (uri) => expect(resourceReadings(uri)).toContain('file:///etc/passwd'));

  test('a URI that everybody reads alike has one reading', () => {
    for (const uri of [
      ...[
        'file:///etc/passwd',
        'https://example.com/a?b=c',
        'note://inbox/1',
        'urn:a:b',
        'note://a',
      ],
      ...['demo://resource/static/document/1', 'file:///a%20b/caf%C3%A9', 'https://example.com'],
    ]) {
      expect(resourceReadings(uri)).toEqual([canonicalResourceUri(uri)]);
    }
  });

  test.each([
    ['https://user@evil.example/x', 'https://evil.example/x'],
    ['https://evil.example./x', 'https://evil.example/x'],
    ['https://evil.example//x', 'https://evil.example/x'],
    ['https://evil.example/x#y', 'https://evil.example/x'],
    ['config://app/', 'config://app'],
    ['config:app/../x', 'config:x'],
    ['api://q?path=%2Fetc', 'api://q?path=/etc'],
  ])('%s may be read as %s', (uri, reading) => expect(resourceReadings(uri)).toContain(reading));
});

const segment = fc.constantFrom(
  'a',
  'B',
  '..',
  '.',
  '',
  '%2e%2e',
  '%41',
  '%2f',
  'é',
  ' ',
  '{x}',
  '%',
  '~',
);
const anyUri = fc
  .tuple(
    fc.constantFrom('file:', 'FILE:', 'https:', 'Http:', 'note:', 'urn:', ''),
    fc.constantFrom('', '/', '//', '///', '//Host', '//u@Host:443', '//localhost', '//..', '\\\\h'),
    fc.array(segment, { maxLength: 5 }),
    fc.constantFrom('', '?', '?q=%41', '#f', '?a#b%7e'),
  )
  .map(([scheme, authority, path, tail]) => `${scheme}${authority}/${path.join('/')}${tail}`);
const anyText = fc.oneof(anyUri, fc.string({ unit: 'binary', maxLength: 30 }), fc.webUrl());

test('the canonical form of a canonical form is itself', () => {
  fc.assert(
    fc.property(anyText, (uri) => {
      const canonical = canonicalResourceUri(uri);
      expect(canonicalResourceUri(canonical)).toBe(canonical);
    }),
    { numRuns: 5000 },
  );
});

test('the readings of a canonical form are among those of the URI', () => {
  fc.assert(
    fc.property(anyText, (uri) => {
      const readings = resourceReadings(uri);
      const [canonical = ''] = readings;
      expect(readings).toEqual(expect.arrayContaining([...resourceReadings(canonical)]));
    }),
    { numRuns: 5000 },
  );
});

/** Spells some characters of a text in another way that means the same. */
function respelled(text: string, choices: readonly boolean[]): string {
  return [...text]
    .map((character, index) => {
      if (choices[index] !== true || !/[A-Za-z0-9._~-]/.test(character)) return character;
      return `%${character.charCodeAt(0).toString(16)}`;
    })
    .join('');
}

test('equivalent spellings meet', () => {
  const path = fc.array(fc.constantFrom('a', 'b.txt', 'c-d', 'é', '~'), {
    minLength: 1,
    maxLength: 4,
  });
  const choices = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 });
  fc.assert(
    fc.property(path, choices, fc.nat(3), (names, spelled, at) => {
      const plain = names.join('/');
      const [before, after] = [names.slice(0, at % names.length), names.slice(at % names.length)];
      const detour = [...before, 'x', '..', '.', ...after].join('/');
      for (const root of ['file://', 'https://example.com', 'note://inbox']) {
        const canonical = canonicalResourceUri(`${root}/${plain}`);
        expect(canonicalResourceUri(`${root}/${detour}`)).toBe(canonical);
        expect(canonicalResourceUri(`${root}/${respelled(plain, spelled)}`)).toBe(canonical);
        expect(canonicalResourceUri(`${root.toUpperCase()}/${plain}`)).toBe(canonical);
      }
    }),
    { numRuns: 2000 },
  );
});

test('what a URL parser resolves is resolved alike', () => {
  fc.assert(
    fc.property(anyUri, (uri) => {
      // Spaces around it are no part of a URI; a parser of URLs takes them off.
      const parsed = uri.trim() === uri ? URL.parse(uri) : null;
      if (parsed === null || !['http:', 'https:', 'file:'].includes(parsed.protocol)) return;
      expect(canonicalResourceUri(parsed.href)).toBe(canonicalResourceUri(uri));
    }),
    { numRuns: 5000 },
  );
});

describe('a pattern of resources', () => {
  test.each([
    ['FILE:///a/./*', 'file:///a/*'],
    ['file:///caf\u00e9/**', 'file:///caf%C3%A9/**'],
    ['https://*.Example.com:443/**', 'https://*.example.com/**'],
    ['https://**', 'https://**'],
    ['https://example.com', 'https://example.com/'],
    ['file:///a\\*b?', 'file:///a\\*b?'],
    ['note://inbox*', 'note://inbox*'],
    ['*', '*'],
    ['**/secret*', '**/secret*'],
    ['***', '**'],
    ['*://x/**', '*://x/**'],
    ['repo://{owner}/*', 'repo://{owner}/*'],
  ])('%s is brought into the form %s', (pattern, canonical) => {
    expect(canonicalResourcePattern(pattern)).toBe(canonical);
    expect(canonicalResourcePattern(canonical)).toBe(canonical);
  });

  test('one that is a URI’s own text matches the URI', () => {
    fc.assert(
      fc.property(anyText, (uri) => {
        const escaped = uri.replaceAll(/[*?\\]/g, '\\$&');
        const pattern = compilePattern(canonicalResourcePattern(escaped), 'path');
        expect(pattern.matches(canonicalResourceUri(uri))).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});
