import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readJson } from '../../../data-plane/mcp/json-document.ts';

const depthMax = 64;

function read(text: string) {
  return readJson(Buffer.from(text, 'utf8'), depthMax);
}

/** A string as JSON, with some of its characters written as escapes. */
function escaped(text: string, which: (index: number) => boolean): string {
  const units = [...Array(text.length).keys()].map((index) =>
    which(index)
      ? `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`
      : JSON.stringify(text.charAt(index)).slice(1, -1),
  );
  return `"${units.join('')}"`;
}

describe('reading a body strictly', () => {
  test('reads every JSON text of bounded depth as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(3), (value, space) => {
        const text = JSON.stringify(value, undefined, space);
        expect(read(text)).toEqual({ value: JSON.parse(text), text });
      }),
    );
  });

  test('agrees with JSON.parse about what is JSON at all', () => {
    const fragments = fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', 'a', '1', ' ', '\n');
    fc.assert(
      fc.property(fc.array(fragments, { maxLength: 24 }), (parts) => {
        const text = parts.join('');
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const answer = read(text);
        if (valid) expect(answer === 'json_duplicate_key' || typeof answer === 'object').toBe(true);
        else expect(answer).toBe('json_malformed');
      }),
      { numRuns: 2_000 },
    );
  });

  test('finds a key that stands twice, however it is written and wherever it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 8 }),
        fc.uniqueArray(fc.string({ maxLength: 6 }), { maxLength: 30 }),
        fc.nat(),
        (key, others, mask) => {
          const members = others
            .filter((other) => other !== key)
            .map((other) => `"${'x'}${escaped(other, () => true).slice(1)}:1`);
          const twice = [
            escaped(key, () => false),
            escaped(key, (index) => (mask >> index) % 2 === 1),
          ];
          const inner = [...members, ...twice.map((name) => `${name} : [{}]`)].join(' , ');
          const plain = Buffer.from(`{"outer":[{${inner}}]}`);
          const known = members.includes(`"x${key}`);
          if (!known) expect(readJson(plain, depthMax)).toBe('json_duplicate_key');
        },
      ),
    );
  });

  test('lets the same key stand in different objects, and as a value', () => {
    expect(read('{"a":{"a":"a"},"b":[{"a":1},{"a":2}],"c":"a"}')).toHaveProperty('value');
  });

  test('refuses invalid UTF-8, a byte order mark and what is too deep', () => {
    expect(readJson(Buffer.from([0x22, 0xff, 0x22]), depthMax)).toBe('body_not_utf8');
    expect(readJson(Buffer.from([0xef, 0xbb, 0xbf, 0x31]), depthMax)).toBe('json_malformed');
    expect(read('['.repeat(65) + ']'.repeat(65))).toBe('json_too_deep');
    expect(read('['.repeat(64) + ']'.repeat(64))).toHaveProperty('value');
  });

  test('takes time in proportion to a hostile body', () => {
    const keys = Array.from({ length: 200_000 }, (_, index) => `"k${index}":0`).join(',');
    const slashes = `"${'\\\\'.repeat(1_000_000)}"`;
    const startedMs = performance.now();
    expect(read(`{${keys}}`)).toHaveProperty('value');
    expect(read(slashes)).toHaveProperty('value');
    expect(read('['.repeat(2_000_000))).toBe('json_too_deep');
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});
