import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compilePattern, type PatternKind } from '../../../common/policy/pattern.ts';
import { naivelyMatches } from '../../support/policy-naive-evaluator.ts';

function matches(pattern: string, text: string, kind: PatternKind = 'name'): boolean {
  return compilePattern(pattern, kind).matches(text);
}

describe('a pattern of names', () => {
  test.each([
    ['read_file', 'read_file'],
    ['read_*', 'read_'],
    ['read_*', 'read_file'],
    ['*_file', 'read_file'],
    ['*', ''],
    ['*', 'any/thing'],
    ['a*b*c', 'axxbyyc'],
    ['a*b*c', 'abbbc'],
    ['?', 'ä'],
    ['?', '😀'],
    ['a?c', 'a/c'],
    ['\\*', '*'],
    ['\\?\\\\', '?\\'],
    ['a\\', 'a\\'],
    ['**', 'a/b'],
    ['', ''],
  ])('%s matches %s', (pattern, text) => expect(matches(pattern, text)).toBe(true));

  test.each([
    ['read_file', 'Read_file'],
    ['read_file', 'read_file2'],
    ['read_*', 'read'],
    ['*_file', 'read_files'],
    ['ab*ba', 'aba'],
    ['a*b*c', 'acb'],
    ['?', ''],
    ['?', 'ab'],
    ['\\*', 'a'],
    ['', 'a'],
    ['a.c', 'abc'],
    ['[ab]', 'a'],
  ])('%s does not match %s', (pattern, text) => expect(matches(pattern, text)).toBe(false));
});

describe('a pattern of resources', () => {
  test.each([
    ['file:///a/*', 'file:///a/b'],
    ['file:///a/*', 'file:///a/'],
    ['file:///a/**', 'file:///a/b/c'],
    ['file:///*/c', 'file:///b/c'],
    ['file:///**/c', 'file:///a/b/c'],
    ['**/*.txt', 'file:///a/b.txt'],
    ['*', 'file:///a/b'],
    ['***', 'file:///a/b'],
    ['note://?', 'note://x'],
  ])('%s matches %s', (pattern, text) => expect(matches(pattern, text, 'path')).toBe(true));

  test.each([
    ['file:///a/*', 'file:///a/b/c'],
    ['file:///*/c', 'file:///a/b/c'],
    ['file:///a?b', 'file:///a/b'],
    ['note://*', 'note://x/y'],
    ['*/x', 'a/b/x'],
  ])('%s does not match %s', (pattern, text) => expect(matches(pattern, text, 'path')).toBe(false));
});

test('only a pattern without wildcards is exact, and its escapes are resolved', () => {
  expect(compilePattern('a\\*b', 'name').exact).toBe('a*b');
  expect(compilePattern('a*b', 'name')).toMatchObject({ exact: undefined, prefix: 'a' });
  expect(compilePattern('', 'name').exact).toBe('');
});

const letters = fc.array(fc.constantFrom('a', 'b', '/', '*', '?', '\\', '😀'), { maxLength: 9 });
const texts = fc.array(fc.constantFrom('a', 'b', '/', '*', '😀'), { maxLength: 9 });

test('matching agrees with trying every way through the pattern', () => {
  fc.assert(
    fc.property(letters, texts, fc.constantFrom('name', 'path'), (pattern, text, kind) => {
      const [from, to] = [pattern.join(''), text.join('')];
      expect(matches(from, to, kind)).toBe(naivelyMatches(from, to, kind));
    }),
    { numRuns: 5000 },
  );
});

test('everything that a pattern matches starts with its prefix', () => {
  fc.assert(
    fc.property(letters, texts, (pattern, text) => {
      const compiled = compilePattern(pattern.join(''), 'path');
      const name = text.join('');
      if (compiled.matches(name)) expect(name.startsWith(compiled.prefix)).toBe(true);
    }),
    { numRuns: 5000 },
  );
});

test.each(['name', 'path'] as const)('a %s pattern made to explode ends soon', (kind) => {
  const pattern = compilePattern(`${'*a'.repeat(100)}b*?**${'a*'.repeat(100)}c`, kind);
  const text = `${'a'.repeat(4000)}c`;
  const started = performance.now();
  expect(pattern.matches(text)).toBe(false);
  expect(performance.now() - started).toBeLessThan(1000);
});
