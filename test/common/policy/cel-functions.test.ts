import { describe, expect, test } from '@jest/globals';
import { addressRange } from '../../../common/policy/address-range.ts';
import { compileCondition } from '../../../common/policy/compile-condition.ts';
import { pathUnder } from '../../../common/policy/path-under.ts';
import { wallTime } from '../../../common/policy/zoned-time.ts';
import { callWith, conditionBindings } from './condition-bindings.ts';

function outcome(source: string, args: Record<string, unknown>): string {
  const result = compileCondition(source).evaluate(conditionBindings(callWith(args)));
  return result.kind === 'failed' ? result.message : result.kind;
}

describe('pathUnder', () => {
  test.each([
    ['/srv', true],
    ['/srv/', true],
    ['/srv/a', true],
    ['/srv/a/b.txt', true],
    ['//srv//a', true],
    ['/srv/./a', true],
    ['/srv/a/../b', true],
    ['/srv/../srv/a', true],
    ['/../srv/a', true],
    ['/srv/..a', true],
    ['/srv/a/...', true],
    ['/srv/%2e%2e/etc', true],
    ['/srv/..', false],
    ['/srv/../etc/passwd', false],
    ['/srv/a/../../etc', false],
    ['/srv2', false],
    ['/srvx/a', false],
    ['/SRV/a', false],
    ['/', false],
    ['/etc', false],
  ])('%s lies under /srv: %s', (path, expected) => {
    expect(pathUnder(path, '/srv')).toBe(expected);
    expect(pathUnder(path, '/srv/')).toBe(expected);
    expect(pathUnder(path, '/srv/b/..')).toBe(expected);
  });

  test.each([
    ['srv/a', 'the path is not absolute'],
    ['./a', 'the path is not absolute'],
    ['', 'the path is not absolute'],
    ['~/a', 'the path is not absolute'],
    ['C:\\srv\\a', 'the path is not absolute'],
    ['/srv/a\0/../../etc', 'the path holds a NUL'],
    ['/srv\\a', 'the path means different files'],
    ['/srv/..\\..\\etc', 'the path means different files'],
  ])('%j is neither', (path, message) => {
    expect(() => pathUnder(path, '/srv')).toThrow(message);
  });

  test('takes a backslash where it makes no difference', () => {
    expect(pathUnder('/srv/a\\b', '/srv')).toBe(true);
    expect(pathUnder('/etc/a\\b', '/srv')).toBe(false);
    expect(pathUnder('/srv\\..\\etc', '/srv')).toBe(false);
  });

  test.each([
    ['C:\\Data', true],
    ['c:/data/a.txt', true],
    ['C:\\data\\a\\..\\b', true],
    ['C:\\data.\\a', true],
    ['C:\\data\\..\\Windows', false],
    ['C:\\data\\a/..\\../Windows', false],
    ['D:\\data\\a', false],
    ['C:\\database', false],
  ])('%s lies under C:\\data: %s', (path, expected) => {
    expect(pathUnder(path, 'C:\\data', 'windows')).toBe(expected);
  });

  test.each([
    'data\\a',
    'C:data\\a',
    '\\data\\a',
    '/data/a',
    '\\\\?\\C:\\data\\a',
    '\\\\.\\C:\\data\\a',
    'C:\\data\\a:stream',
    'C:\\data\\a\0',
  ])('%j is neither on Windows', (path) => {
    expect(() => pathUnder(path, 'C:\\data', 'windows')).toThrow(/^condition: the path/);
  });

  test('knows shares of Windows', () => {
    expect(pathUnder('\\\\host\\share\\a\\b', '\\\\HOST\\share\\a', 'windows')).toBe(true);
    expect(pathUnder('\\\\host\\share\\a\\..\\..\\b', '\\\\host\\share\\a', 'windows')).toBe(false);
    expect(pathUnder('\\\\other\\share\\a', '\\\\host\\share', 'windows')).toBe(false);
  });

  test('in a condition: what can’t be judged fails it, so that neither a deny nor an allow rule is passed by', () => {
    expect(outcome('pathUnder(args.path, "/srv")', { path: '/srv/a' })).toBe('true');
    expect(outcome('!pathUnder(args.path, "/srv")', { path: 'a' })).toMatch(
      /^the path is not absolute/,
    );
    expect(outcome('pathUnder(args.path, "C:/a", "windows")', { path: 'c:\\a\\b' })).toBe('true');
    expect(outcome('pathUnder(args.path, "/srv", "dos")', { path: '/srv' })).toMatch(/style/);
    expect(outcome('pathUnder(args.path, "/srv")', { path: 5 })).toMatch(/can't be applied to/);
  });
});

describe('inCidr', () => {
  test.each([
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.0.0.1', '10.0.0.0/8', false],
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.2', '10.0.0.1', false],
    ['1.2.3.4', '0.0.0.0/0', true],
    ['::ffff:10.1.2.3', '10.0.0.0/8', true],
    ['::ffff:a01:203', '10.0.0.0/8', true],
    ['2001:db8::1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['fe80::1%eth0', 'fe80::/10', true],
    ['10.1.2.3', '2001:db8::/32', false],
  ])('%s in %s: %s', (address, range, expected) => {
    expect(addressRange(range)(address)).toBe(expected);
  });

  test.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0/8',
    'host/8',
    '10.0.0.0/8/8',
    '::/129',
    '10.0.0.0/-1',
    '',
  ])('%j is no range', (range) =>
    expect(() => addressRange(range)).toThrow(/range is not written/),
  );

  test('what is no address is neither in a range nor out of it', () => {
    expect(() => addressRange('10.0.0.0/8')('unknown')).toThrow(/not an IP address/);
    expect(() => addressRange('10.0.0.0/8')('')).toThrow(/not an IP address/);
  });
});

describe('a clock on the wall', () => {
  const at = (moment: string, zone: string): string => {
    const { year, month, day, hour, minute, weekday } = wallTime(Date.parse(moment), zone);
    return `${year}-${month + 1}-${day} ${hour}:${minute} ${weekday}`;
  };

  test.each([
    ['2026-11-22T23:10:00Z', 'UTC', '2026-11-22 23:10 0'],
    ['2026-11-22T23:10:00Z', '+02:00', '2026-11-23 1:10 1'],
    ['2026-11-22T23:10:00Z', '-05:30', '2026-11-22 17:40 0'],
    ['2026-11-22T23:10:00Z', 'Europe/Berlin', '2026-11-23 0:10 1'],
    // The hour that is skipped, and the one that comes twice.
    ['2026-03-29T00:59:00Z', 'Europe/Berlin', '2026-3-29 1:59 0'],
    ['2026-03-29T01:00:00Z', 'Europe/Berlin', '2026-3-29 3:0 0'],
    ['2026-10-25T00:30:00Z', 'Europe/Berlin', '2026-10-25 2:30 0'],
    ['2026-10-25T01:30:00Z', 'Europe/Berlin', '2026-10-25 2:30 0'],
    ['2026-03-08T10:00:00Z', 'America/Los_Angeles', '2026-3-8 3:0 0'],
    ['2026-06-01T00:00:00Z', 'Asia/Kathmandu', '2026-6-1 5:45 1'],
    ['2026-06-01T00:00:00Z', 'Australia/Lord_Howe', '2026-6-1 10:30 1'],
    ['1969-12-31T23:59:59Z', 'UTC', '1969-12-31 23:59 3'],
  ])('%s in %s', (moment, zone, expected) => expect(at(moment, zone)).toBe(expected));

  test('there is no clock in a zone that nobody knows', () => {
    expect(() => wallTime(0, 'Mars/Olympus')).toThrow(/no such time zone/);
    expect(outcome('now.getHours(args.zone) == 1', { zone: 'hunter2' })).not.toContain('hunter2');
  });

  test('in a condition it doesn’t matter where the process runs', () => {
    // In New York there is no 2:30 on this day.
    const source = 'timestamp("2026-03-08T02:30:00Z").getHours() == 2';
    const zone = process.env['TZ'];
    process.env['TZ'] = 'America/New_York';
    try {
      expect(outcome(source, {})).toBe('true');
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });

  test('the fields count as CEL counts them', () => {
    const moment = 'timestamp("2026-02-01T03:04:05.678Z")';
    const all = [
      `${moment}.getFullYear() == 2026`,
      `${moment}.getMonth() == 1`,
      `${moment}.getDate() == 1`,
      `${moment}.getDayOfMonth() == 0`,
      `${moment}.getDayOfYear() == 31`,
      `${moment}.getDayOfWeek() == 0`,
      `${moment}.getHours("+01:00") == 4`,
      `${moment}.getMilliseconds() == 678`,
      'timestamp(0) == timestamp("1970-01-01T00:00:00Z")',
      'timestamp(1) == timestamp("1970-01-01T00:00:01Z")',
    ];
    expect(all.filter((source) => outcome(source, {}) !== 'true')).toEqual([]);
  });
});

describe('a text is a number only when it is one', () => {
  test.each([
    ['int(args.text) == 12', '12', 'true'],
    ['int(args.text) == -12', '-12', 'true'],
    ['int(args.text) == 0', '', 'the text is not an integer'],
    ['int(args.text) == 16', '0x10', 'the text is not an integer'],
    ['int(args.text) == 12', ' 12 ', 'the text is not an integer'],
    ['int(args.text) == 1', '9223372036854775808', 'the text is not an integer'],
    ['double(args.text) == 1.5', '1.5', 'true'],
    ['double(args.text) > 100.0', 'abc', 'the text is not a number'],
    ['double(args.text) <= 100.0', '', 'the text is not a number'],
    ['double(args.text) == 16.0', '0x10', 'the text is not a number'],
    ['uint(args.text) == 1u', '1', 'true'],
    ['uint(args.text) == 1u', '-1', 'the text is not an integer'],
  ])('%s of %j', (source, text, expected) => {
    expect(outcome(source, { text })).toContain(expected);
  });
});

describe('functions on texts', () => {
  test.each([
    ['"a,b,c".split(",") == ["a", "b", "c"]'],
    ['"a,b,c".split(",", 2) == ["a", "b,c"]'],
    ['"a,b,c".split(",", 0) == []'],
    ['"abc".split("") == ["a", "b", "c"]'],
    ['"aXbXc".replace("X", "-") == "a-b-c"'],
    ['"aXbXc".replace("X", "-", 1) == "a-bXc"'],
    ['["a", "b"].join("-") == "a-b" && ["a"].join() == "a"'],
    ['"HeLLo".lowerAscii() == "hello" && "HeLLo".upperAscii() == "HELLO"'],
    ['size("a😀b") == 3 && "a😀b".size() == 3'],
    ['"hello".indexOf("l") == 2 && "hello".lastIndexOf("l") == 3 && "hello".indexOf("x") == -1'],
    ['" x ".trim() == "x" && "%s-%d".format(["a", 1]) == "a-1" && strings.quote("a") == "\\"a\\""'],
    ['"abc" < "abd" && b"a" + b"b" == b"ab" && string(1) == "1"'],
  ])('%s', (source) => expect(outcome(source, {})).toBe('true'));
});
