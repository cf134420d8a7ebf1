import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  canonicalJson,
  type JsonValue,
  storableJson,
} from '../../../control-plane/audit/canonical-json.ts';

function shuffled(value: JsonValue): JsonValue {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item: JsonValue) => shuffled(item));
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, shuffled(item as JsonValue)]),
  );
}

const json = fc.jsonValue() as fc.Arbitrary<JsonValue>;

describe('canonical JSON', () => {
  test('is the same for the same value, whatever the order of keys', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(shuffled(value))).toBe(canonicalJson(value));
      }),
    );
  });

  test('is JSON of the same value', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('tells different values apart', () => {
    expect(canonicalJson({ a: '1' })).not.toBe(canonicalJson({ a: 1 }));
    expect(canonicalJson({ a: [1, 2] })).not.toBe(canonicalJson({ a: [2, 1] }));
    expect(canonicalJson({ '': null })).not.toBe(canonicalJson({}));
  });

  test('refuses what JSON can’t hold', () => {
    expect(() => canonicalJson({ a: Number.NaN })).toThrow(TypeError);
  });
});

describe('storable JSON', () => {
  test('has no NUL and no half surrogate pair, in keys and values', () => {
    const stored = storableJson({ 'a\0': ['b\0', { c: '\uD800' }] });
    expect(stored).toEqual({ 'a\uFFFD': ['b\uFFFD', { c: '\uFFFD' }] });
  });
});
