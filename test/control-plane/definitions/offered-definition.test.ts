import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type DefinitionKind,
  definitionBounds,
  type OfferedDefinition,
  readDefinition,
} from '../../../control-plane/definitions/offered-definition.ts';

function read(item: unknown, kind: DefinitionKind = 'tool'): OfferedDefinition {
  const found = readDefinition(kind, item);
  if (typeof found === 'string') throw new Error(found);
  return found;
}

/** Objects in one another, so many levels deep. */
function nested(levels: number): unknown {
  return JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`);
}

describe('the hash of a definition', () => {
  test('is that of its canonical form, and knows no order of members', () => {
    const canonical = '{"description":"ü","inputSchema":{"type":"object"},"name":"a"}';
    const sha256 = createHash('sha256').update(canonical).digest('hex');
    const one = { name: 'a', inputSchema: { type: 'object' }, description: 'ü' };
    const other = { description: 'ü', inputSchema: { type: 'object' }, name: 'a' };
    expect([read(one).sha256, read(other).sha256]).toEqual([sha256, sha256]);
    expect(read(one).bytes).toBe(Buffer.byteLength(canonical));
  });

  test('leaves out _meta and execution, and nothing else', () => {
    const base = { name: 'a', inputSchema: {} };
    const more = { _meta: { build: 7 }, execution: { taskSupport: 'required' } };
    expect(read({ ...base, ...more })).toEqual(read(base));
    const others = [
      { title: 't' },
      { description: '' },
      { outputSchema: {} },
      { annotations: {} },
      { icons: [] },
      { unknownToThisBuild: null },
      { inputSchema: { _meta: 1 } },
    ].map((other) => read({ ...base, ...other }).sha256);
    expect(new Set([read(base).sha256, ...others]).size).toBe(others.length + 1);
  });

  test('differs where only what PostgreSQL can’t store differs', () => {
    const [nul, replacement] = ['a\0b', 'a\uFFFDb'].map((description) =>
      read({ name: 'a', description }),
    );
    expect(nul?.definition).toEqual(replacement?.definition);
    expect(nul?.sha256).not.toBe(replacement?.sha256);
    expect(read({ name: 'a', description: '\uD800' }).definition).toEqual({
      name: 'a',
      description: '\uFFFD',
    });
  });

  test('is the same after a way through JSON, whatever the definition is', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (more) => {
        const item: unknown = JSON.parse(JSON.stringify({ ...more, name: 'a' }));
        const again: unknown = JSON.parse(
          JSON.stringify(Object.fromEntries(Object.entries(item as object).reverse())),
        );
        expect(readDefinition('tool', again)).toEqual(readDefinition('tool', item));
      }),
    );
  });
});

describe('a definition', () => {
  test.each<[DefinitionKind, object, string]>([
    ['tool', { name: 'a', uri: 'x' }, 'a'],
    ['prompt', { name: 'p' }, 'p'],
    ['resource', { name: 'n', uri: 'file:///a' }, 'file:///a'],
    ['resource_template', { name: 'n', uriTemplate: 'file:///{a}' }, 'file:///{a}'],
  ])('of a %s goes by the name that calls use', (kind, item, name) => {
    expect(read(item, kind).name).toBe(name);
  });

  const deep = definitionBounds.depthMax;
  test.each<[string, unknown]>([
    ['nested too deep', { name: 'a', inputSchema: nested(deep) }],
    ['nested deeper than any stack', { name: 'a', inputSchema: nested(10_000) }],
    ['that is too long', { name: 'a', description: 'x'.repeat(65_536) }],
    ['with a number that JSON can’t hold', JSON.parse('{"name":"a","x":1e999}')],
    ['of numbers that become long texts', { name: 'a', x: Array(101).fill(1e308) }],
  ])('%s is too large', (_, item) => {
    expect(readDefinition('tool', item)).toBe('too_large');
  });

  test('may be nested, and hold large numbers, within bounds', () => {
    const item = { name: 'a', x: nested(deep - 3), y: Array(100).fill(1e308) };
    expect(read(item).name).toBe('a');
  });

  test.each([
    ['no name', {}],
    ['an empty name', { name: '' }],
    ['a name that is no text', { name: 7 }],
    ['NUL in its name', { name: 'a\0' }],
    ['half a character in its name', { name: '\uD800' }],
    ['an endless name', { name: 'x'.repeat(2049) }],
  ])('with %s is none', (_, item) => {
    expect(readDefinition('tool', item)).toBe('not_a_definition');
  });

  test('may use names that mean something to the language', () => {
    const item: unknown = JSON.parse('{"name":"__proto__","__proto__":{"x":1},"constructor":2}');
    expect(JSON.stringify(read(item).definition)).toContain('"__proto__":{"x":1}');
  });
});
