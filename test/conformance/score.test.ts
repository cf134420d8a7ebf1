import { describe, expect, test } from '@jest/globals';
import { faults, table } from './report.ts';
import { type CheckList, differences, type Score, scoreOf } from './score.ts';
import type { Suite } from './suites.ts';

function check(id: string, status: string, errorMessage?: string): CheckList[number] {
  return { id, name: id, status, ...(errorMessage === undefined ? {} : { errorMessage }) };
}

function score(checks: CheckList, exitCode = 0): Score {
  return scoreOf(exitCode, new Map([['ping', checks]]));
}

const suite: Suite = { name: 'any', program: '', args: [], expected: { passed: 2, failed: 0 } };
const twoPassed = [check('a', 'SUCCESS'), check('b', 'SUCCESS')];

describe('a score', () => {
  test('counts successes and failures, and leaves the suite’s trace out', () => {
    const made = score([check('a', 'SUCCESS'), check('b', 'FAILURE'), check('event', 'INFO')]);
    expect({ passed: made.passed, failed: made.failed }).toEqual({ passed: 1, failed: 1 });
    expect([...made.verdicts.keys()]).toEqual(['ping › a (a)', 'ping › b (b)']);
  });

  test('keeps checks of one id apart', () => {
    const made = score([check('a', 'SUCCESS'), check('a', 'FAILURE')]);
    expect(made.verdicts.get('ping › a (a) #2')?.status).toBe('FAILURE');
  });
});

describe('a comparison', () => {
  test('names a check that the gateway changes, also when the totals agree', () => {
    const direct = score([check('a', 'SUCCESS'), check('b', 'FAILURE')]);
    const through = score([check('a', 'FAILURE'), check('b', 'SUCCESS')]);
    expect(differences(direct, through).map((difference) => difference.check)).toEqual([
      'ping › a (a)',
      'ping › b (b)',
    ]);
  });

  test('names a check that was not made through the gateway', () => {
    const found = differences(score(twoPassed), score([check('a', 'SUCCESS')]));
    expect(found).toEqual([
      {
        check: 'ping › b (b)',
        direct: { status: 'SUCCESS', message: undefined },
        through: undefined,
      },
    ]);
  });

  test('has no fault when both are as expected', () => {
    expect(faults({ suite, direct: score(twoPassed), through: score(twoPassed) })).toEqual([]);
  });

  test.each([
    ['a direct score that moved', score([check('a', 'SUCCESS')]), undefined, /direct: 1\/0/],
    ['a direct exit code', score(twoPassed, 1), undefined, /exit 1; expected 2\/0, exit 0/],
    ['an exit code through the gateway', score(twoPassed), score(twoPassed, 1), /through: exit 1/],
    [
      'a lost check with the suite’s reason',
      score(twoPassed),
      score([check('a', 'SUCCESS'), check('b', 'FAILURE', 'got 500')]),
      /b \(b\): SUCCESS → FAILURE: got 500/,
    ],
  ])('shows %s', (_, direct, through, sentence) => {
    const comparison = { suite, direct, through };
    expect(faults(comparison).join('\n')).toMatch(sentence);
    expect(table([comparison])).toMatch(sentence);
  });
});
