import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Difference, differences, type Score } from './score.ts';
import type { Suite, SuiteTotals } from './suites.ts';

/** One suite, run directly and through the gateway. */
export interface Comparison {
  readonly suite: Suite;
  readonly direct: Score;
  /** Undefined when only the reference upstream itself was asked for. */
  readonly through: Score | undefined;
}

/** What keeps a comparison from being right; empty when nothing does. */
export function faults({ suite, direct, through }: Comparison): string[] {
  const found: string[] = [];
  if (!sameTotals(direct, suite.expected) || direct.exitCode !== 0) {
    found.push(
      `direct: ${ratio(direct)}, exit ${direct.exitCode}; expected ${ratio(suite.expected)}, exit 0`,
    );
  }
  if (!through) return found;
  if (through.exitCode !== direct.exitCode) found.push(`through: exit ${through.exitCode}`);
  return [...found, ...differences(direct, through).map(sentence)];
}

function sameTotals(left: SuiteTotals, right: SuiteTotals): boolean {
  return left.passed === right.passed && left.failed === right.failed;
}

function ratio({ passed, failed }: SuiteTotals): string {
  return `${passed}/${failed}`;
}

function sentence({ check, direct, through }: Difference): string {
  const reason = through?.message ? `: ${through.message}` : '';
  return `${check}: ${direct?.status ?? 'not made'} → ${through?.status ?? 'not made'}${reason}`;
}

/** A table of scores side by side, each followed by the checks that differ. */
export function table(comparisons: readonly Comparison[]): string {
  const lines = [row('suite', 'direct', 'through', '')];
  for (const comparison of comparisons) {
    const { suite, direct, through } = comparison;
    const found = faults(comparison);
    lines.push(
      row(suite.name, ratio(direct), through ? ratio(through) : '–', found.length ? '✗' : '✓'),
      ...found.map((fault) => `    ${fault}`),
    );
  }
  return lines.join('\n');
}

function row(name: string, direct: string, through: string, mark: string): string {
  return `${name.padEnd(20)}${direct.padStart(10)}${through.padStart(10)}  ${mark}`.trimEnd();
}

/** Writes what `table` shows, and every check's verdict, as JSON. */
export async function writeReport(
  folder: string,
  comparisons: readonly Comparison[],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const report = comparisons.map((comparison) => ({
    suite: comparison.suite.name,
    expected: comparison.suite.expected,
    direct: plain(comparison.direct),
    through: comparison.through && plain(comparison.through),
    faults: faults(comparison),
  }));
  await writeFile(path.join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
}

function plain({ exitCode, passed, failed, verdicts }: Score) {
  return { exitCode, passed, failed, verdicts: Object.fromEntries(verdicts) };
}
