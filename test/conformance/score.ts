import { z } from 'zod';
import type { SuiteTotals } from './suites.ts';

/** What a suite writes for each scenario: `checks.json`. */
export const checksFile = z.array(
  z.looseObject({
    id: z.string(),
    name: z.string(),
    status: z.string(),
    errorMessage: z.string().optional(),
  }),
);

export type CheckList = z.infer<typeof checksFile>;

/** A check's verdict: SUCCESS, FAILURE, WARNING or SKIPPED. */
interface Verdict {
  readonly status: string;
  readonly message: string | undefined;
}

/** Everything that one run of a suite said. */
export interface Score extends SuiteTotals {
  readonly exitCode: number;
  /** By `scenario › check`, with `#n` for the n-th check of one id. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

/**
 * Builds a score from each scenario's checks. INFO entries are the suite's trace of what it did (one for
 * each event that it saw) and no verdict.
 */
export function scoreOf(exitCode: number, scenarios: ReadonlyMap<string, CheckList>): Score {
  const verdicts = new Map<string, Verdict>();
  for (const [scenario, checks] of scenarios) {
    const seen = new Map<string, number>();
    for (const { id, name, status, errorMessage } of checks) {
      if (status === 'INFO') continue;
      const label = `${scenario} › ${id} (${name})`;
      const nth = (seen.get(label) ?? 0) + 1;
      seen.set(label, nth);
      verdicts.set(nth === 1 ? label : `${label} #${nth}`, { status, message: errorMessage });
    }
  }
  const count = (status: string) =>
    [...verdicts.values()].filter((v) => v.status === status).length;
  return { exitCode, verdicts, passed: count('SUCCESS'), failed: count('FAILURE') };
}

/** A check that came out otherwise through the gateway than directly. */
export interface Difference {
  readonly check: string;
  /** Undefined: the check was not made. */
  readonly direct: Verdict | undefined;
  readonly through: Verdict | undefined;
}

/** Checks with another status, sorted by name; also those that only one of the runs made. */
export function differences(direct: Score, through: Score): Difference[] {
  const checks = new Set([...direct.verdicts.keys(), ...through.verdicts.keys()]);
  return [...checks]
    .sort()
    .map((check) => ({
      check,
      direct: direct.verdicts.get(check),
      through: through.verdicts.get(check),
    }))
    .filter(({ direct: left, through: right }) => left?.status !== right?.status);
}
