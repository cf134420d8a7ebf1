import { describe, expect, test } from '@jest/globals';
import { compileCondition } from '../../../common/policy/compile-condition.ts';
import type { Condition } from '../../../common/policy/condition.ts';
import { ConditionSyntaxError } from '../../../common/policy/condition-syntax.ts';
import type { PolicyCall } from '../../../common/policy/policy-call.ts';
import { callWith, conditionBindings } from './condition-bindings.ts';

function outcome(source: string, args: Record<string, unknown> = {}): string {
  const { kind, ...rest } = compileCondition(source).evaluate(conditionBindings(callWith(args)));
  return 'message' in rest ? `${kind}: ${rest.message}` : kind;
}

describe('a condition reads of a call', () => {
  test.each([
    ['principal.subject == "user:1" && principal.kind == "user"', 'true'],
    ['"agent" in principal.roles && principal.scopes == ["tools:call"]', 'true'],
    ['principal.credential.kind == "api_key" && principal.credential.id == "key1"', 'true'],
    ['server.slug == "files" && server.labels.env == "prod" && server.id == "server-id"', 'true'],
    ['tool.name == "write_file" && !tool.approved && tool.hash == ""', 'true'],
    ['tool.annotations.destructiveHint && !tool.annotations.readOnlyHint', 'true'],
    ['tool.annotations.openWorldHint && !tool.annotations.idempotentHint', 'true'],
    ['tool.annotations.title == ""', 'true'],
    ['request.method == "tools/call" && request.target == "write_file"', 'true'],
    ['request.kind == "tool" && request.era == "modern"', 'true'],
    ['request.client.name == "editor" && request.client.version.startsWith("1.")', 'true'],
    ['inCidr(request.address, "10.0.0.0/8") && request.headers["x-team"] == "blue"', 'true'],
    ['now > timestamp("2026-11-22T23:09:59Z") && now.getHours() == 23', 'true'],
    ['', 'true'],
    ['1 == 2', 'false'],
  ])('%s is %s', (source, expected) => expect(outcome(source)).toBe(expected));
});

describe('a failure says why and where, and holds no argument', () => {
  const args = { key: 'hunter2', n: 3, list: [1], text: 'hunter2' };
  test.each([
    ['args.missing == 1', 'there is no such field, in args.missing (line 1, column 6)'],
    ['args[args.key] == 1', 'there is no such field, in args[args.key] (line 1, column 5)'],
    ['args.list[4] == 1', 'there is no such element, in args.list[4] (line 1, column 10)'],
    [
      'args.n <\n args.text',
      "< can't be applied to (int, string), in args.n < args.text (line 1, column 8)",
    ],
    [
      'int(args.text) > 1',
      'the text is not an integer of 64 bits, in int(args.text) (line 1, column 1)',
    ],
    ['bool(args.text)', 'a value is not what this needs, in bool(args.text) (line 1, column 1)'],
    ['args.n / 0 == 1', 'a division by zero'],
    ['args.text', 'its value is string, neither true nor false'],
    ['args.text && true', 'string is not true or false, in args.text && true (line 1, column 1)'],
  ])('%s', (source, expected) => {
    expect(outcome(source, args)).toBe(`failed: ${expected}`);
    expect(expected).not.toContain('hunter2');
  });

  test('only true counts: a truthy value is a failure', () => {
    expect(outcome('1')).toMatch(/^failed/);
    expect(outcome('"true"')).toMatch(/^failed/);
  });
});

describe('what is not known', () => {
  const unknownArgs = (source: string): string =>
    compileCondition(source).evaluate(
      conditionBindings(callWith({ path: '/' }), { argumentsKnown: false }),
    ).kind;

  test.each([
    ['args.path == "/"', 'failed'],
    ['has(args.path)', 'failed'],
    ['!has(args.path)', 'failed'],
    ['"path" in args', 'failed'],
    ['tool.name == "write_file" || args.path == "/"', 'true'],
    ['args.path == "/" || tool.name == "write_file"', 'true'],
    ['tool.name == "read_file" && args.path == "/"', 'false'],
  ])('%s is %s while arguments are unknown', (source, expected) => {
    expect(unknownArgs(source)).toBe(expected);
  });

  test('fails for a call that is about no tool', () => {
    const call: PolicyCall = { ...callWith(undefined), target: { kind: 'method' } };
    for (const source of ['tool.name == "x"', 'has(tool.name)', 'args == {}']) {
      const outcome = compileCondition(source).evaluate(conditionBindings(call));
      expect(outcome).toMatchObject({
        kind: 'failed',
        message: expect.stringContaining('not known here'),
      });
    }
  });
});

describe('arguments', () => {
  test.each([
    ['args.n == 3 && type(args.n) == int', { n: 3 }, 'true'],
    ['type(args.n) == double && args.n > 3', { n: 3.5 }, 'true'],
    ['args.n == 9007199254740993', { n: 9007199254740992 }, 'false'],
    ['type(args.n) == double', { n: 1e300 }, 'true'],
    ['type(args.n) == double', { n: 2 ** 63 }, 'true'],
    ['type(args.n) == int', { n: -(2 ** 63) }, 'true'],
    ['args == {}', {}, 'true'],
    ['has(args.x) && args.x == null && "x" in args', { x: null }, 'true'],
    ['args.constructor == null', { constructor: null }, 'true'],
    ['has(args.constructor) || has(args.__proto__) || has(args.toString)', {}, 'false'],
    ['args["__proto__"] == 1', JSON.parse('{"__proto__": 1}'), 'true'],
    ['args.list.all(x, x > 1) && args.list.map(x, x * 2) == [4, 6]', { list: [2, 3] }, 'true'],
    [
      'args.list.filter(x, x > 2) == [3] && args.list.map(x, x > 2, x + 1) == [4]',
      { list: [2, 3] },
      'true',
    ],
    ['args.list.exists_one(x, x > 2) && size(args.list) == 2', { list: [2, 3] }, 'true'],
    ['args.o.a.b[0] == "c"', { o: { a: { b: ['c'] } } }, 'true'],
  ])('%s of %j is %s', (source, args, expected) => expect(outcome(source, args)).toBe(expected));

  test('fail the condition when they are nested too deep or too many, and nothing else', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
    expect(outcome('has(args.d)', { d: nested(31) })).toBe('true');
    expect(outcome('has(args.d)', { d: nested(32) })).toContain('nested deeper than 32');
    const many = Array.from({ length: 10_000 }, () => 0);
    expect(outcome('has(args.d)', { d: many })).toContain('more than 10000 values');
    expect(outcome('has(args.d)', { d: many.slice(2) })).toBe('true');
    expect(outcome('has(args.d) || true', { d: many })).toBe('true');
  });
});

describe('what can’t be evaluated on any call is refused', () => {
  test.each([
    ['principl.subject == "x"', 1, 1, 'there is no variable "principl"', 'did you mean principal?'],
    [
      'true &&\n  args.path.startWith("x")',
      2,
      13,
      'there is no function "startWith"',
      'did you mean startsWith()?',
    ],
    ['[1].all(item, itm > 1)', 1, 15, 'there is no variable "itm"', 'did you mean item?'],
    [
      'has(args)',
      1,
      1,
      'has() is not called like this',
      'has() takes a field, such as has(args.path)',
    ],
  ])('%s', (source, line, column, message, hint) => {
    expect(() => compileCondition(source)).toThrow(ConditionSyntaxError);
    expect(() => compileCondition(source)).toThrow(
      expect.objectContaining({ line, column, message, hint }),
    );
  });
});

describe('what isn’t CEL is refused with what to write instead', () => {
  test.each([
    ['args.a && (args.b', 1, 11, '"(" is never closed', ''],
    ['args.a && [1, 2)', 1, 16, '")" stands where "]" closes "["', ''],
    ['args.a)', 1, 7, '")" closes nothing', ''],
    ['args.a == "x', 1, 11, 'the text is never closed', 'close it with "'],
    ['args.a ==\n  "a\\"', 2, 3, 'the text is never closed', 'close it with "'],
    ['args.a = "x"', 1, 8, '"=" is not expected here', 'write == to compare'],
    ['args.a & args.b', 1, 8, '"&" is not expected here', 'write && for "and"'],
    ['args.a\n  and args.b', 2, 3, '"and" is not expected here', 'write && for "and"'],
    ['args.a == “x”', 1, 8, 'what belongs to "==" can\'t be read', ''],
    ['args.a &&', 1, 8, 'what belongs to "&&" can\'t be read', ''],
    ['args.a args.b', 1, 8, '"args" is not expected here', ''],
  ])('%s', (source, line, column, message, hint) => {
    expect(() => compileCondition(source)).toThrow(
      expect.objectContaining({ name: 'ConditionSyntaxError', line, column, message, hint }),
    );
  });
});

test('equal sources are compiled once, and say what they read', () => {
  const first: Condition = compileCondition('args.a == 1 && [request].all(args, true)');
  expect(compileCondition('args.a == 1 && [request].all(args, true)')).toBe(first);
  expect([...first.reads]).toEqual(['args', 'request']);
});
