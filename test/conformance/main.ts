import path from 'node:path';
import { parseArgs } from 'node:util';
import { repositoryRoot } from '../support/client-process.ts';
import { startProxyGateway } from '../support/proxy-gateway.ts';
import { faults, table, writeReport } from './report.ts';
import { runAll } from './run-all.ts';

/**
 * `npm run conformance [-- --direct-only] [-- --runs 10]`: the official suites, directly and through the
 * gateway, side by side. Exit code 0 only if the reference upstream scores what it always does and the
 * gateway loses and changes not one check, in every run.
 */
const { values } = parseArgs({
  options: {
    'direct-only': { type: 'boolean', default: false },
    runs: { type: 'string', default: '1' },
  },
});
const runs = Number(values.runs);
if (!Number.isSafeInteger(runs) || runs < 1) throw new Error('--runs takes a number from 1.');
const outFolder = path.join(repositoryRoot, 'out', 'conformance');

let failedRuns = 0;
for (let run = 1; run <= runs; run += 1) {
  if (runs > 1) console.log(`▸ run ${run} of ${runs}`);
  const comparisons = await runAll(
    outFolder,
    values['direct-only'] ? undefined : startProxyGateway,
  );
  console.log(table(comparisons));
  await writeReport(outFolder, comparisons);
  if (comparisons.some((comparison) => faults(comparison).length > 0)) failedRuns += 1;
}
console.log(failedRuns === 0 ? '✓ conformance' : `✗ conformance: ${failedRuns} of ${runs} runs`);
process.exitCode = failedRuns === 0 ? 0 : 1;
