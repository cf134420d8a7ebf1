import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileCondition } from '../../../common/policy/compile-condition.ts';
import { ConditionSyntaxError } from '../../../common/policy/condition-syntax.ts';
import { pathUnder } from '../../../common/policy/path-under.ts';
import { findLastText, findText, splitText } from '../../../common/policy/text-search.ts';
import { callWith, conditionBindings } from './condition-bindings.ts';

const word = fc.constantFrom(
  ...['principal', 'server', 'tool', 'args', 'request', 'now', 'roles', 'path', 'a', 'x'],
  ...['"text"', '1', '2.5', 'true', 'null', '[1, 2]', '{"a": 1}', '-1', '7u', 'b"x"'],
  ...['==', '!=', '<', '>=', '&&', '||', '!', '?', ':', 'in', '+', '-', '*', '/', '%'],
  ...['.', '(', ')', '[', ']', ',', 'has', 'size', 'all', 'exists', 'map', 'filter', 'matches'],
  ...['startsWith', 'pathUnder', 'inCidr', 'int', 'string', 'type', 'getHours', 'split', 'join'],
);
const source = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.array(word, { maxLength: 14 }).map((words) => words.join(' ')),
  fc
    .tuple(
      fc.constantFrom('args.a', 'args', 'args.list', 'args.text', 'request', 'now'),
      word,
      word,
    )
    .map(([left, operator, right]) => `${left} ${operator} ${right}`),
);
const json = fc.dictionary(
  fc.oneof(fc.constantFrom('a', 'list', 'text', 'path', '__proto__', 'constructor'), fc.string()),
  fc.jsonValue({ maxDepth: 4 }),
  { maxKeys: 6 },
);

/** What a caller sends and nobody else may see. */
const secret = 'hunter2';

const fixed = [
  'bool(args.text)',
  'args[args.text] == 1',
  '{args.text: 1, args.a: 2}.size() == 1',
  'args.text.charAt(900) == args.text.format([])',
  '[1][args.text] == 1',
  'args.a == args.list',
  'args.a > 1',
  'args.a + args.a == args.text',
  'args.list.all(x, x == args.a)',
  'args.text.matches("^[a-z]*$")',
  'args.text.split("a").join("b") == args.text',
  'int(args.a) > 5 || double(args.text) < 1.0',
  '"%s".format([args]) != ""',
  'pathUnder(args.path, "/srv")',
  'inCidr(args.text, "10.0.0.0/8")',
  'now.getHours(args.text) == 1',
  'timestamp(args.text) < now',
  'duration(args.text) < duration("1h")',
  'args.list[args.a] == args[args.text]',
  'has(args.a.b.c) && args.a.b.c',
  'args.exists(key, args[key] == null)',
  'bytes(args.text).size() > 3',
].map(compileCondition);

describe('whatever it is', () => {
  test('a text is compiled or refused with a place in it', () => {
    fc.assert(
      fc.property(source, (text) => {
        try {
          compileCondition(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ConditionSyntaxError);
          const { line, column } = error as ConditionSyntaxError;
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(text.split('\n').length);
          expect(column).toBeGreaterThanOrEqual(1);
          expect(column).toBeLessThanOrEqual((text.split('\n')[line - 1] ?? '').length + 1);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('arguments make a condition true, false or failed, and never stand in the message', () => {
    const told = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.constant(secret),
      fc.constant([secret]),
    );
    const keys = fc.constantFrom('a', 'list', 'text', 'path', secret);
    fc.assert(
      fc.property(fc.dictionary(keys, told, { maxKeys: 5 }), (args) => {
        for (const condition of fixed) {
          const outcome = condition.evaluate(conditionBindings(callWith(args)));
          expect(['true', 'false', 'failed']).toContain(outcome.kind);
          if (outcome.kind !== 'failed') continue;
          expect(outcome.message.length).toBeLessThanOrEqual(300);
          expect(outcome.message).not.toContain(secret);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('a condition that compiles is evaluated without throwing', () => {
    fc.assert(
      fc.property(source, json, (text, args) => {
        let condition: ReturnType<typeof compileCondition>;
        try {
          condition = compileCondition(text);
        } catch {
          return;
        }
        const call = callWith(args);
        for (const argumentsKnown of [true, false]) {
          const { kind } = condition.evaluate(conditionBindings(call, { argumentsKnown }));
          expect(['true', 'false', 'failed']).toContain(kind);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('what is known without arguments is so with any', () => {
    fc.assert(
      fc.property(source, json, (text, args) => {
        let condition: ReturnType<typeof compileCondition>;
        try {
          condition = compileCondition(text);
        } catch {
          return;
        }
        const call = callWith(args);
        const unknown = condition.evaluate(conditionBindings(call, { argumentsKnown: false }));
        if (unknown.kind === 'failed') return;
        expect(condition.evaluate(conditionBindings(call)).kind).toBe(unknown.kind);
      }),
      { numRuns: 500 },
    );
  });
});

describe('pathUnder', () => {
  const name = fc.constantFrom('a', 'b', '..', '.', '', '...', 'srv', 'A', ' ');

  test('says the same as a walk through the folders', () => {
    fc.assert(
      fc.property(
        fc.array(name, { maxLength: 8 }),
        fc.array(name, { maxLength: 3 }),
        (path, folder) => {
          const walk = (names: readonly string[]): string[] => {
            const place: string[] = [];
            for (const each of names) {
              if (each === '..') place.pop();
              else if (each !== '' && each !== '.') place.push(each);
            }
            return place;
          };
          const at = walk(path);
          const under = walk(folder).every((each, index) => each === at[index]);
          expect(pathUnder(`/${path.join('/')}`, `/${folder.join('/')}`)).toBe(under);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('searching in texts', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 80 });
  const long = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 33, maxLength: 40 });

  test('finds what the engine finds', () => {
    fc.assert(
      fc.property(
        letters,
        fc.oneof(letters, long),
        letters,
        fc.nat(90),
        (before, wanted, after, from) => {
          const text = `${before}${wanted}${after}`;
          const start = Math.min(from, text.length);
          expect(findText(text, wanted, start)).toBe(text.indexOf(wanted, start));
          expect(findLastText(text, wanted, start)).toBe(text.lastIndexOf(wanted, start));
          expect(findLastText(text, wanted)).toBe(text.lastIndexOf(wanted));
          if (wanted !== '')
            expect(splitText(text, wanted, 1_000, () => undefined)).toEqual(text.split(wanted));
        },
      ),
      { numRuns: 500 },
    );
  });
});
