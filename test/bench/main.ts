import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { jsonLine, repositoryRoot, startProcess } from '../support/client-process.ts';
import { proxyLines, proxyReport } from './bench-report.ts';
import { startNginx } from './nginx.ts';
import { runProxyBench } from './proxy-bench.ts';
import type { BenchSubject } from './subject.ts';

/**
 * `npm run bench [-- --rounds 5] [-- --calls 5000]`: what a node adds to a call, against a direct connection and
 * against nginx. docs/performance.md says how it measures.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    calls: { type: 'string', default: '5000' },
  },
});
const plan = {
  rounds: z.coerce.number().int().min(1).parse(values.rounds),
  calls: z.coerce.number().int().min(100).parse(values.calls),
  connections: 32,
  singleCalls: 500,
};

await using cleanup = new AsyncDisposableStack();
const upstream = await startProcess(
  { args: ['test/bench/bench-upstream.ts'] },
  jsonLine(z.object({ url: z.url() })),
);
cleanup.defer(() => upstream.stop());

const subjects: BenchSubject[] = [
  {
    name: 'direct',
    target: { url: upstream.value.url, apiKey: undefined },
    pids: () => [],
    stop: async () => undefined,
  },
];
const nginx = await startNginx(upstream.value.url);
if (nginx) {
  cleanup.defer(() => nginx.stop());
  subjects.push(nginx);
} else {
  console.log('nginx is not installed (Debian: nginx-light): no comparison with it.');
}

console.log(
  `▸ ${plan.rounds} rounds of ${plan.calls} calls over ${plan.connections} connections, 110 bytes each`,
);
const figures = await runProxyBench(subjects, plan, (round) =>
  console.log(round === 0 ? '  warmed up' : `  round ${round} of ${plan.rounds}`),
);
const report = proxyReport(figures);
console.log(proxyLines(report).join('\n'));
const folder = path.join(repositoryRoot, 'out', 'bench');
await mkdir(folder, { recursive: true });
const machine = { node: process.version, cpus: cpus().length, cpu: cpus()[0]?.model };
const text = JSON.stringify({ machine, plan, proxy: report }, null, 2);
await writeFile(path.join(folder, 'bench.json'), `${text}\n`);
