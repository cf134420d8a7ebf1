import path from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { StartGateway } from '../support/client-gateway.ts';
import { repositoryRoot } from '../support/client-process.ts';
import { startProduct } from '../support/client-product.ts';
import { startProxyGateway } from '../support/proxy-gateway.ts';
import { faults, table, writeReport } from './report.ts';
import { runAll } from './run-all.ts';

/**
 * `npm run conformance [-- --through product|call-path|nothing] [-- --runs 10]`: the official suites,
 * directly and through the gateway, side by side. The gateway is the whole product (the default), or its
 * call path alone, which tells whether a lost check is lost there. Exit code 0 only if the reference
 * upstream scores what it always does and the gateway loses and changes not one check, in every run.
 */
const { values } = parseArgs({
  options: {
    through: { type: 'string', default: 'product' },
    runs: { type: 'string', default: '1' },
    out: { type: 'string', default: path.join('out', 'conformance') },
    dist: { type: 'string', default: 'dist' },
  },
});
const gateways: Readonly<Record<'product' | 'call-path' | 'nothing', StartGateway | undefined>> = {
  product: (options) => startProduct({ ...options, distFolder: values.dist }),
  'call-path': startProxyGateway,
  nothing: undefined,
};
const startGateway = gateways[z.enum(['product', 'call-path', 'nothing']).parse(values.through)];
const runs = z.coerce.number().int().min(1).parse(values.runs);
const outFolder = path.resolve(repositoryRoot, values.out);

let failedRuns = 0;
for (let run = 1; run <= runs; run += 1) {
  if (runs > 1) console.log(`▸ run ${run} of ${runs}`);
  const comparisons = await runAll(outFolder, startGateway);
  console.log(table(comparisons));
  await writeReport(outFolder, comparisons);
  if (comparisons.some((comparison) => faults(comparison).length > 0)) failedRuns += 1;
}
console.log(failedRuns === 0 ? '✓ conformance' : `✗ conformance: ${failedRuns} of ${runs} runs`);
process.exitCode = failedRuns === 0 ? 0 : 1;
