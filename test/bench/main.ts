import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { ReasonCode } from '../../common/reasons.ts';
import { jsonLine, repositoryRoot, startProcess } from '../support/client-process.ts';
import { type Product, startProduct } from '../support/client-product.ts';
import { startReference } from '../support/client-upstreams.ts';
import { enforcementLines, type ProxyReport, proxyLines, proxyReport } from './bench-report.ts';
import { type EnforcementFigures, runEnforcement } from './enforcement.ts';
import { openEventStreams } from './event-streams.ts';
import { identityLines, runIdentityBench } from './identity-bench.ts';
import { listLines, runListBench } from './list-bench.ts';
import { startNginx } from './nginx.ts';
import { policyLines, runPolicyBench } from './policy-bench.ts';
import { type PolicyLoadFigures, policyLoadLine, runPolicyLoad } from './policy-load.ts';
import { type ProxyBenchPlan, runProxyBench, type SubjectFigures } from './proxy-bench.ts';
import type { BenchSubject } from './subject.ts';
import { type Allow, policySwitch, switchedCalls } from './switched-calls.ts';

const upstreamReady = jsonLine(z.object({ url: z.url() }));

/** The node, a direct connection, and nginx when there is one, in front of one upstream. */
async function benchProxies(product: Product, plan: ProxyBenchPlan): Promise<SubjectFigures[]> {
  await using cleanup = new AsyncDisposableStack();
  const upstream = await startProcess({ args: ['test/bench/bench-upstream.ts'] }, upstreamReady);
  cleanup.defer(() => upstream.stop());
  const { url } = upstream.value;
  const subjects: BenchSubject[] = [
    { name: 'direct', target: { url, apiKey: undefined }, pids: () => [] },
  ];
  const nginx = await startNginx(url);
  if (nginx) {
    cleanup.defer(() => nginx.stop());
    subjects.push(nginx);
  } else {
    console.log('  nginx is not installed (Debian: nginx-light): no comparison with it');
  }
  const target = await product.serve({ slug: 'bench', url });
  subjects.push({ name: 'node', target, pids: () => [product.nodePid] });
  // Awaited here: what was started ends when this function returns.
  return await runProxyBench(subjects, plan, (round) =>
    console.log(`  round ${round} of ${plan.rounds}`),
  );
}

type ChangeFigures = EnforcementFigures & { readonly droppedStreams: number };

/** Time until a change of each kind holds, with open event streams on another server of the same node. */
async function benchEnforcement(
  product: Product,
  samples: number,
  streamCount: number,
): Promise<{ readonly server: ChangeFigures; readonly policy: ChangeFigures }> {
  await using cleanup = new AsyncDisposableStack();
  const reference = await startReference();
  cleanup.defer(() => reference.stop());
  const upstream = await startProcess({ args: ['test/bench/bench-upstream.ts'] }, upstreamReady);
  cleanup.defer(() => upstream.stop());
  const streamed = await product.serve({ slug: 'streamed', url: reference.url });
  const streams = await openEventStreams(streamed, streamCount);
  cleanup.defer(() => streams.close());
  const called = await product.serve({ slug: 'switched', url: upstream.value.url });
  const probe = { callers: 2, callIntervalMs: 2, settledCalls: 10, sampleTimeoutMs: 10_000 };
  const measure = async (reason: ReasonCode, allow: Allow): Promise<ChangeFigures> => {
    const subject = switchedCalls(called, reason, allow);
    cleanup.defer(() => subject.close());
    const figures = await runEnforcement(subject, { samples, ...probe });
    return { ...figures, droppedStreams: streams.dropped() };
  };
  const server = await measure('server_disabled', (allowed) =>
    product.setEnabled('switched', allowed),
  );
  const { graphql, organizationId } = product;
  const allow = await policySwitch(graphql, organizationId, 'switched', otherPolicies);
  return { server, policy: await measure('policy_denied', allow) };
}

/**
 * `npm run bench [-- --rounds 5] [-- --calls 5000] [-- --samples 100]`: what a node adds to a call, against
 * a direct connection and nginx, how soon it obeys a change, and what telling who calls and deciding by
 * policies costs. No rounds, or no samples, leave that part out. docs/performance.md says how it measures.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    calls: { type: 'string', default: '5000' },
    samples: { type: 'string', default: '100' },
    dist: { type: 'string', default: 'dist' },
  },
});
const number = z.coerce.number().int().min(0);
const plan: ProxyBenchPlan = {
  warmupCalls: 20_000,
  rounds: number.parse(values.rounds),
  calls: number.parse(values.calls),
  connections: 32,
  singleCalls: 500,
};
const streamCount = 100;
/** Policies of the organization beside the one that is switched. */
const otherPolicies = 100;

async function proxyPart(product: Product): Promise<ProxyReport> {
  console.log(`▸ ${plan.rounds} rounds of ${plan.calls} calls, ${plan.connections} connections`);
  const report = proxyReport(await benchProxies(product, plan));
  console.log(proxyLines(report).join('\n'));
  return report;
}

async function enforcementPart(product: Product, samples: number) {
  console.log(`▸ a change of configuration, with ${streamCount} open streams`);
  const figures = await benchEnforcement(product, samples, streamCount);
  console.log(['  a server is disabled', ...enforcementLines(figures.server)].join('\n'));
  console.log(
    [`  a policy denies, among ${otherPolicies} others`, ...enforcementLines(figures.policy)].join(
      '\n',
    ),
  );
  return figures;
}

const identityPlan = { calls: 20_000, rounds: 10, callers: 1_000 };
console.log(`▸ who calls: ${identityPlan.callers} callers, ${identityPlan.calls} calls a round`);
const identity = await runIdentityBench(identityPlan);
console.log(identityLines(identity).join('\n'));

const policyPlan = { policies: 1_000, decisions: 20_000, indexed: 10_000, listed: 500 };
console.log(`▸ what a call may: an organization with ${policyPlan.policies} policies`);
const policies = runPolicyBench(policyPlan);
console.log(policyLines(policyPlan, policies).join('\n'));

const listPlan = { answers: 300, rounds: 10 };
console.log(`▸ what a caller sees: ${listPlan.answers} answers a round`);
const lists = runListBench(listPlan);
console.log(listLines(lists).join('\n'));

console.log('▸ a node takes in a set of policies, while something else wants its turns');
const loads: PolicyLoadFigures[] = [];
for (const conditions of [20, 10_000]) loads.push(await runPolicyLoad(10_000, conditions));
console.log(loads.map(policyLoadLine).join('\n'));

async function benchProduct(): Promise<{
  proxy: ProxyReport | undefined;
  enforcement: Awaited<ReturnType<typeof enforcementPart>> | undefined;
}> {
  const samples = number.parse(values.samples);
  if (plan.rounds === 0 && samples === 0) return { proxy: undefined, enforcement: undefined };
  const product = await startProduct({ allowedHosts: [], distFolder: values.dist });
  try {
    const proxy = plan.rounds > 0 ? await proxyPart(product) : undefined;
    const enforcement = samples > 0 ? await enforcementPart(product, samples) : undefined;
    return { proxy, enforcement };
  } finally {
    await product.close();
  }
}

const { proxy, enforcement } = await benchProduct();
const machine = { node: process.version, cpus: cpus().length, cpu: cpus()[0]?.model };
const folder = path.join(repositoryRoot, 'out', 'bench');
await mkdir(folder, { recursive: true });
const text = JSON.stringify(
  { machine, plan, identity, policies, lists, loads, proxy, enforcement },
  null,
  2,
);
await writeFile(path.join(folder, 'bench.json'), `${text}\n`);
