import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildSchema, getOperationAST, parse } from 'graphql';
import { graphqlBoundsDefault as bounds } from '../../../control-plane/graphql/graphql-bounds.ts';
import {
  checkAliases,
  checkTokens,
  measureOperation,
} from '../../../control-plane/graphql/operation-bounds.ts';

const schema = buildSchema(`
  type Query { name: String items(first: Int, last: Int): Connection self: Query tags: [Tag] }
  type Connection { nodes: [Item] pageInfo: PageInfo }
  type Item { id: ID items(first: Int): Connection }
  type PageInfo { hasNextPage: Boolean }
  type Tag { name: String }
`);

function measure(text: string, variables: Record<string, unknown> = {}) {
  const document = parse(text);
  const operation = getOperationAST(document);
  if (!operation) throw new Error('no operation');
  return measureOperation(schema, document, operation, variables, bounds);
}

describe('the cost of an operation', () => {
  test.each([
    ['{ name }', 1],
    ['{ name name: name }', 2],
    ['{ items(first: 10) { nodes { id } } }', 1 + 1 + 10],
    ['{ items(first: 10) { pageInfo { hasNextPage } } }', 3],
    ['{ items(last: 7) { nodes { id } } }', 1 + 1 + 7],
    ['{ items { nodes { id } } }', 1 + 1 + bounds.pageSizeDefault],
    ['{ items(first: 5) { nodes { items(first: 4) { nodes { id } } } } }', 1 + 1 + 5 * (1 + 1 + 4)],
    ['{ tags { name } }', 1 + 10],
    [
      '{ ...F } fragment F on Query { items(first: 3) { ...G } } fragment G on Connection { nodes { id } }',
      5,
    ],
    ['{ ... on Query { ... { name } } }', 1],
    ['{ __typename __schema { types { name } } }', 100],
    ['{ items(first: 100000) { nodes { id } } }', 1 + 1 + 100],
  ])('%s is %d', (text, cost) => {
    expect(measure(text).cost).toBe(cost);
  });

  test('takes page sizes from variables and their defaults', () => {
    const text = 'query($n: Int = 6) { items(first: $n) { nodes { id } } }';
    expect(measure(text, { n: 9 }).cost).toBe(11);
    expect(measure(text).cost).toBe(8);
  });

  test('of fragments that double each other is found in a moment', () => {
    const levels = Array.from(
      { length: 60 },
      (_, level) => `fragment F${level} on Query { ...F${level + 1} ...F${level + 1} }`,
    );
    const text = `{ ...F0 } ${levels.join(' ')} fragment F60 on Query { name }`;
    expect(measure(text).cost).toBe(2 ** 60);
  });

  test('never falls when a field is added', () => {
    const field = fc.constantFrom(
      'name',
      'self { name }',
      'tags { name }',
      'items { nodes { id } }',
    );
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 8 }), field, (fields, added) => {
        const before = measure(`{ ${fields.join(' ')} }`).cost;
        expect(measure(`{ ${[...fields, added].join(' ')} }`).cost).toBeGreaterThan(before);
      }),
    );
  });
});

test('depth counts nested fields, through fragments', () => {
  expect(measure('{ name }').depth).toBe(1);
  expect(measure('{ self { self { name } } }').depth).toBe(3);
  expect(measure('{ self { ...F } } fragment F on Query { self { name } }').depth).toBe(3);
});

test('aliases and tokens are counted over the whole document', () => {
  const aliases = (count: number) =>
    parse(`{ ${Array.from({ length: count }, (_, index) => `a${index}: name`).join(' ')} }`);
  expect(() => checkAliases(aliases(30), bounds)).not.toThrow();
  expect(() => checkAliases(aliases(31), bounds)).toThrow(/30 aliases/);
  const names = (count: number) => `{ ${'name '.repeat(count)}}`;
  expect(() => checkTokens(names(1998), bounds)).not.toThrow();
  expect(() => checkTokens(names(1999), bounds)).toThrow(/2000 tokens/);
  expect(() => checkTokens('"never closed', bounds)).not.toThrow();
});
