import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { applySplices, findSpan } from '../../../data-plane/mcp/json-span.ts';

describe('cutting values out of a JSON text', () => {
  test('finds the value at a path, whatever stands around it', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 3 }),
        fc.jsonValue({ maxDepth: 3 }),
        fc.string(),
        fc.nat(3),
        (value, other, key, space) => {
          const document = { a: other, [key]: { b: other, c: value }, z: other };
          const text = JSON.stringify(document, undefined, space);
          const expected = (JSON.parse(text) as Record<string, { c?: unknown }>)[key];
          const span = findSpan(text, [key, 'c']);
          if (span === undefined) expect(Object.hasOwn(Object(expected), 'c')).toBe(false);
          else expect(JSON.parse(text.slice(span.start, span.end))).toEqual(expected?.c);
        },
      ),
    );
  });

  test('keeps the digits of a number that would not survive being parsed', () => {
    const text = '{"jsonrpc":"2.0" , "id" : 12345678901234567890123 ,"method":"x"}';
    const span = findSpan(text, ['id']);
    expect(span && text.slice(span.start, span.end)).toBe('12345678901234567890123');
  });

  test('replaces several pieces at once', () => {
    const text = '{"a":1,"b":[2],"c":3}';
    const a = findSpan(text, ['a']);
    const b = findSpan(text, ['b']);
    if (a === undefined || b === undefined) throw new Error('not found');
    const splices = [
      { span: b, replacement: '"two"' },
      { span: a, replacement: 'null' },
    ];
    expect(applySplices(text, splices)).toBe('{"a":null,"b":"two","c":3}');
  });
});
