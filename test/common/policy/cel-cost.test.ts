import { describe, expect, test } from '@jest/globals';
import { compileCondition } from '../../../common/policy/compile-condition.ts';
import { ConditionSyntaxError } from '../../../common/policy/condition-syntax.ts';
import { callWith, conditionBindings } from './condition-bindings.ts';

/** Milliseconds that no evaluation and no compilation may take, on a machine that does much else besides. */
const boundMs = 5_000;

function within<T>(work: () => T): T {
  const begin = performance.now();
  const result = work();
  expect(performance.now() - begin).toBeLessThan(boundMs);
  return result;
}

function evaluate(source: string, args: Record<string, unknown>): string {
  const condition = compileCondition(source);
  const outcome = within(() => condition.evaluate(conditionBindings(callWith(args))));
  return outcome.kind === 'failed' ? outcome.message : outcome.kind;
}

const tooLong = 'it takes too long on this call';
const numbers = Array.from({ length: 9_000 }, (_, index) => index);
const words = Array.from({ length: 4_000 }, (_, index) => `word ${index}`);

describe('a loop over the longest list that a call may carry is evaluated', () => {
  test.each([
    ['args.list.all(x, x >= 0)', 'true'],
    ['args.list.exists(x, x == 8999)', 'true'],
    ['args.list.filter(x, x > 4499).size() == 4500', 'true'],
    ['args.list.map(x, x + 1)[8999] == 9000', 'true'],
    ['8999 in args.list', 'true'],
    ['args.list == args.list.map(x, x)', 'true'],
  ])('%s', (source, expected) => expect(evaluate(source, { list: numbers })).toContain(expected));
});

describe('what would take long fails in a bounded time', () => {
  test.each([
    ['loops in loops', 'args.list.all(x, args.list.all(y, args.list.all(z, x + y + z >= 0)))'],
    [
      'a loop whose failure another term hides',
      'args.list.all(x, args.list.all(y, x >= 0)) || true',
    ],
    [
      'loops whose failures inner terms hide',
      'args.list.all(x, args.list.all(y, x * y / 0 == 1 || true) || true)',
    ],
    ['loops that end at once', 'args.list.all(x, !args.list.all(y, y < 0))'],
    ['comparing all with all', 'args.list.all(x, args.list == args.list.filter(y, true))'],
    ['searching all in all', 'args.list.all(x, x in args.list.map(y, y - 9000) || true)'],
    ['collecting all for all', 'args.list.map(x, args.list.map(y, y)).size() > 0'],
    ['joining lists for all', 'args.list.all(x, (args.list + args.list).size() > 0)'],
    ['a text of texts', 'args.words.map(x, args.words.join(x)).size() > 0'],
    ['showing all for all', 'args.words.all(x, "%s".format([args.words]) != "")'],
    ['patterns on all', 'args.words.all(x, args.text.matches("(a+)+$"))'],
    ['ordering long texts for all', 'args.words.all(x, args.text <= args.text)'],
    ['reading long texts for all', 'args.words.all(x, args.text.trim().size() > 0)'],
  ])('%s', (_name, source) => {
    const args = {
      list: numbers.slice(0, 4_900),
      words: words.slice(0, 1_000),
      text: 'a'.repeat(500_000),
    };
    expect(evaluate(source, args)).toBe(tooLong);
  });
});

describe('texts that are made to be slow take a bounded time', () => {
  const text = 'a'.repeat(1_000_000);
  const wanted = `ab${'a'.repeat(100_000)}`;

  // The engine's own search takes more than a minute for these.
  test.each([
    ['args.text.contains(args.wanted)', 'false'],
    ['args.text.indexOf(args.wanted) == -1', 'true'],
    ['args.text.lastIndexOf(args.wanted) == -1', tooLong],
    ['args.text.split(args.wanted).size() == 1', 'true'],
    ['args.text.replace("a", "b").contains("a")', tooLong],
    ['args.text.replace("b", "c") == args.text', 'true'],
    ['args.text.size() == 1000000', 'true'],
    ['args.text.lowerAscii() == args.text', 'true'],
    ['args.text.matches("^(a+)+$")', tooLong],
  ])('%s', (source, expected) => expect(evaluate(source, { text, wanted })).toBe(expected));

  test.each([
    ['^(a+)+$', false],
    ['^(a|a)*$', false],
    ['(a|b)*a(a|b){12}$', false],
    ['((a{0,10}){0,10})$', true],
    ['(x+x+)+y', false],
    ['(.*)(.*)(.*)(.*)(.*)(.*)(.*)!$', true],
  ])('ReDoS: %s', (pattern, expected) => {
    const hostile = `${'a'.repeat(2_000)}!`;
    const source = `args.text.matches(${JSON.stringify(pattern)})`;
    expect(evaluate(source, { text: hostile })).toBe(String(expected));
  });

  test('finds what is there, at the beginning, in the middle and at the end', () => {
    const needle = `${'ab'.repeat(40)}c`;
    const args = { needle, text: `${'ab'.repeat(300)}${needle}${'ab'.repeat(300)}${needle}` };
    expect(evaluate('args.text.contains(args.needle)', args)).toBe('true');
    expect(evaluate('args.text.indexOf(args.needle) == 600', args)).toBe('true');
    expect(evaluate('args.text.indexOf(args.needle, 601) == 1281', args)).toBe('true');
    expect(evaluate('args.text.lastIndexOf(args.needle) == 1281', args)).toBe('true');
    expect(evaluate('args.text.lastIndexOf(args.needle, 1280) == 600', args)).toBe('true');
    expect(evaluate('args.text.split(args.needle).size() == 3', args)).toBe('true');
    expect(evaluate('args.text.replace(args.needle, "") == args.text', args)).toBe('false');
  });
});

describe('a source that is made to be slow is refused or compiled in a bounded time', () => {
  const repeated = (open: string, close: string, times: number): string =>
    `${open.repeat(times)}true${close.repeat(times)}`;

  test.each([
    ['brackets', repeated('(', ')', 4_000)],
    ['lists', repeated('[', ']', 4_000)],
    ['maps', repeated('{1:', '}', 2_000)],
    ['calls', repeated('size(', ')', 1_300)],
    ['selections', `args${'.a'.repeat(4_000)}`],
    ['indexes', repeated('args[', ']', 1_300)],
    ['conditionals', repeated('true ? false : (', ')', 480)],
    ['macros', `${'[1].all(x, '.repeat(600)}true${')'.repeat(600)}`],
    ['additions', `1${'+1'.repeat(4_000)} == 1`],
    ['comparisons', `1${'<1'.repeat(4_000)}`],
    ['an unfinished expression', '(['.repeat(4_000)],
    ['an unfinished text', `"${'\\\\'.repeat(2_000)}`],
    ['characters', 'a'.repeat(8_193)],
  ])('%s', (_name, source) => {
    within(() => {
      expect(() => compileCondition(source)).toThrow(ConditionSyntaxError);
    });
  });

  test.each([
    ['negations', `${'!'.repeat(8_000)}true`, 'true'],
    ['brackets that stand for nothing', repeated('(', ')', 200), 'true'],
    ['terms side by side', Array.from({ length: 700 }, () => 'true').join(' && '), 'true'],
  ])('%s', (_name, source, expected) => {
    within(() => expect(evaluate(source, {})).toBe(expected));
  });

  test.each([
    ['(?=a)', 'look-ahead and look-behind are not part of RE2'],
    ['(a)\\\\1', 'back references are not part of RE2'],
    ['(', ''],
    ['(a{500}){500}', ''],
    ['((a{30}){30}){2}', ''],
    ['a'.repeat(501), ''],
  ])('the pattern %s', (pattern, hint) => {
    within(() => {
      expect(() => compileCondition(`server.slug.matches("${pattern}")`)).toThrow(
        expect.objectContaining({ name: 'ConditionSyntaxError', column: 21, hint }),
      );
    });
  });

  test('a pattern that a caller could choose', () => {
    expect(() => compileCondition('args.text.matches(args.pattern)')).toThrow(/written out/);
  });
});
