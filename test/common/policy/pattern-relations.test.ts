import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compilePattern } from '../../../common/policy/pattern.ts';
import { covers, overlap } from '../../../common/policy/pattern-relations.ts';
import { templateShape } from '../../../common/policy/resource-template.ts';

/** Every text of up to six characters, of which one ends segments. */
const texts = [''];
for (let begin = 0; texts.length < (3 ** 7 - 1) / 2; begin += 1) {
  for (const character of 'ab/') texts.push(`${texts[begin]}${character}`);
}

const pattern = fc
  .tuple(
    fc.array(fc.constantFrom('a', 'b', '/', '*', '**', '?'), { maxLength: 3 }),
    fc.constantFrom('name' as const, 'path' as const),
  )
  .map(([tokens, kind]) => compilePattern(tokens.join(''), kind));

test('two patterns overlap when some text is matched by both', () => {
  fc.assert(
    fc.property(pattern, pattern, (one, other) => {
      // Whatever three tokens and three tokens match, they also match in six characters or fewer.
      const both = texts.some((text) => one.matches(text) && other.matches(text));
      expect(overlap(one, other)).toBe(both);
      expect(overlap(other, one)).toBe(both);
    }),
    { numRuns: 1500 },
  );
});

test('a pattern that covers another one matches all that the other one matches', () => {
  fc.assert(
    fc.property(pattern, pattern, (whole, part) => {
      if (!covers(whole, part)) return;
      const missed = texts.find((text) => part.matches(text) && !whole.matches(text));
      expect(missed).toBeUndefined();
    }),
    { numRuns: 3000 },
  );
});

describe('of a template’s URIs', () => {
  test.each([
    ['file:///**', 'file:///{+path}', 'all'],
    ['file:///a/**', 'file:///a/{name}', 'all'],
    ['file:///a/*', 'file:///a/{name}', 'all'],
    ['file:///a/*', 'file:///a/{+path}', 'some'],
    ['file:///a/*', 'file:///a{/path*}', 'some'],
    ['file:///a/b.txt', 'file:///a/{name}', 'some'],
    ['file:///a/b/c.txt', 'file:///a/{name}', 'none'],
    ['file:///a/b/c.txt', 'file:///a/{+name}', 'some'],
    ['file:///a/**', 'file:///{+path}', 'some'],
    ['file:///b/**', 'file:///a/{+path}', 'none'],
    ['note://{id}', 'note://{id}', 'some'],
    ['*', 'note://{id}', 'all'],
    ['note://*', 'note://{id}', 'all'],
    ['note://x', 'note://x', 'all'],
    ['note://x?q=1', 'note://x{?q}', 'some'],
    ['note://*', 'NOTE://Inbox-{id}', 'all'],
    ['note://open{', 'note://open{', 'all'],
    ['https://*.example.com/**', 'https://{host}.example.com/{+path}', 'all'],
  ])('%s matches of %s %s', (text, template, share) => {
    const compiled = compilePattern(text, 'path');
    const made = templateShape(template);
    const some = overlap(compiled, made);
    expect(covers(compiled, made) ? 'all' : some ? 'some' : 'none').toBe(share);
  });
});
