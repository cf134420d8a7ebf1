/** One run of one of the official suites. */
export interface Suite {
  /** Short name, also of its files below `out/conformance/`. */
  readonly name: string;
  /** The suite's command line program. */
  readonly program: string;
  readonly args: readonly string[];
  /** What the reference upstream scores directly; anything else means that the baseline moved. */
  readonly expected: SuiteTotals;
}

export interface SuiteTotals {
  readonly passed: number;
  readonly failed: number;
}

const current = 'node_modules/@modelcontextprotocol/conformance/dist/index.js';
const next = 'node_modules/conformance-next/dist/index.js';

/**
 * The three suites. The 30 failures of the last are the tasks extension, which is run but not scored: the
 * reference upstream has no tasks, and the suite's exit code is 0.
 */
export const suites: readonly Suite[] = [
  {
    name: '0.1.16-all',
    program: current,
    args: ['--suite', 'all'],
    expected: { passed: 44, failed: 0 },
  },
  {
    name: '0.2.0-2025-11-25',
    program: next,
    args: ['--requirements', '2025-11-25'],
    expected: { passed: 84, failed: 0 },
  },
  {
    name: '0.2.0-2026-07-28',
    program: next,
    args: ['--requirements', '2026-07-28'],
    expected: { passed: 164, failed: 30 },
  },
];
