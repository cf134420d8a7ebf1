import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { narrowList } from '../../../data-plane/mcp/list-items.ts';

function narrow(text: string | Buffer, stays: (name: string) => boolean, nameKey = 'name') {
  return narrowList(Buffer.from(text), nameKey, stays)?.toString();
}

const all = () => true;
const none = () => false;

/** An item and how it stands in its text. */
const item = fc
  .record({
    name: fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
    before: fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 3 })),
    space: fc.nat(2),
    hasName: fc.boolean(),
  })
  .map(({ name, before, space, hasName }) => {
    const value = { ...before, ...(hasName ? { name } : { name: 7 }) };
    return { name: hasName ? name : undefined, text: JSON.stringify(value, undefined, space) };
  });

describe('a list that is narrowed', () => {
  test('keeps the bytes of what stays, in order, and is a list', () => {
    fc.assert(
      fc.property(
        fc.array(item, { maxLength: 8 }),
        fc.func(fc.boolean()),
        fc.constantFrom(',', ', ', '\n,\n\t'),
        fc.constantFrom('', ' ', '\r\n'),
        (items, stays, comma, space) => {
          const list = (texts: readonly string[]) => `[${space}${texts.join(comma)}${space}]`;
          const kept = items.filter(({ name }) => name !== undefined && stays(name));
          const texts = kept.map(({ text }) => text);
          const narrowed = narrow(list(items.map(({ text }) => text)), stays) ?? '';
          expect(JSON.parse(narrowed)).toEqual(texts.map((text) => JSON.parse(text)));
          let at = 0;
          for (const text of texts) {
            at = narrowed.indexOf(text, at);
            expect(at).toBeGreaterThan(0);
            at += text.length;
          }
          if (kept.length === items.length) expect(narrowed).toBe(list(texts));
        },
      ),
    );
  });

  test.each([
    ['[{"name":"a"},{"name":"b"},{"name":"c"}]', 'ac', '[{"name":"a"},{"name":"c"}]'],
    ['[ {"name":"a"}, {"name":"b"} ]', 'b', '[{"name":"b"} ]'],
    ['[ {"name":"a"}, {"name":"b"} ]', 'a', '[ {"name":"a"} ]'],
    ['[ {"name":"a"} ]', '', '[ ]'],
    ['[]', '', '[]'],
    ['[{"x":1e400,"big":12345678901234567890,"name":"\\u0061"}, {"name":"b"}]', 'a', undefined],
  ])('%s of %j', (text, names, expected) => {
    const narrowed = narrow(text, (name) => names.includes(name));
    expect(narrowed).toBe(expected ?? '[{"x":1e400,"big":12345678901234567890,"name":"\\u0061"}]');
  });

  test('is the very bytes when all stays', () => {
    const bytes = Buffer.from('[{"name":"a"} , {"name":"b"}]');
    expect(narrowList(bytes, 'name', all)).toBe(bytes);
  });

  test.each([
    '[{"name":"a","name":"b"}]',
    '[{"name":"a","n\\u0061me":"a"}]',
    '[{"name":null}]',
    '[{"name":""}]',
    '[{"name":["a"]}]',
    '[{"title":"a"}]',
    '["a"]',
    '[null]',
    '[["name"]]',
    '[{}]',
  ])('has no item without one usable name: %s', (text) => {
    expect(narrow(text, all)).toBe('[]');
  });

  test('knows items by the member that it is told', () => {
    const text = '[{"uri":"a:1","name":"b"},{"name":"a:1"}]';
    expect(narrow(text, (uri) => uri === 'a:1', 'uri')).toBe('[{"uri":"a:1","name":"b"}]');
  });

  test('asks for names as they are meant, and for no others', () => {
    const asked: string[] = [];
    narrow('[{"name":"\\u00e9\\n","inputSchema":{"name":"x"}},{"name":"\u{1f600}"}]', (name) => {
      asked.push(name);
      return true;
    });
    expect(asked).toEqual(['é\n', '\u{1f600}']);
  });

  test.each(['{}', '{"0":{"name":"a"}}', 'null', '"[]"', '1', '[', '[{"name":"a"}', '[,]', ''])(
    'can’t be made of %j',
    (text) => {
      expect(narrow(text, none)).toBeUndefined();
    },
  );

  test('can’t be made of bytes that are no UTF-8', () => {
    expect(narrow(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]), all)).toBeUndefined();
  });

  test('of any depth ends', () => {
    const deep = `[${'['.repeat(100_000)}${']'.repeat(100_000)},{"name":"a"}]`;
    expect(narrow(deep, all)).toBe('[{"name":"a"}]');
  });
});
