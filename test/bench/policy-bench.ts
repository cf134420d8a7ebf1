import { compileCondition } from '../../common/policy/compile-condition.ts';
import type { Policy } from '../../common/policy/policy.ts';
import type { PolicyCall } from '../../common/policy/policy-call.ts';
import { PolicySet, PolicySetBuilder } from '../../common/policy/policy-set.ts';
import { type PreparedPolicy, preparePolicy } from '../../common/policy/prepared-policy.ts';
import { median, quantile } from './quantile.ts';

export interface PolicyBenchPlan {
  /** Policies of the organization, of which three match each call. */
  readonly policies: number;
  readonly decisions: number;
  /** Policies that an index is built of. */
  readonly indexed: number;
  /** Items of the list that is narrowed. */
  readonly listed: number;
}

export interface PolicyFigures {
  readonly decisionP50Us: number;
  readonly decisionP99Us: number;
  /** Of a call that no policy is about. */
  readonly unmatchedP50Us: number;
  /** CPU time of preparing all policies that an index is built of, their patterns and conditions. */
  readonly prepareMs: number;
  /** CPU time of indexing them. */
  readonly indexMs: number;
  /** The longest that one policy held the index's builder up, by the clock on the wall. */
  readonly longestStepMs: number;
  /** CPU time of narrowing one list for one caller. */
  readonly listMs: number;
}

const teams = 50;

function policy(index: number, about: Partial<Policy>): Policy {
  return {
    id: `policy-${String(index).padStart(6, '0')}`,
    organizationId: 'acme',
    name: `policy-${index}`,
    revision: 1,
    effect: 'deny',
    mode: 'enforce',
    position: index,
    message: '',
    targets: { servers: [], methods: [], tools: [], resources: [], prompts: [] },
    subjects: { roles: [], subjects: [], apiKeys: [] },
    condition: '',
    ...about,
  };
}

const anything: Policy['targets'] = {
  servers: [],
  methods: [],
  tools: [],
  resources: [],
  prompts: [],
};

/** What an organization with many teams has: rules by tool, by server, by role and by what names start with. */
function ordinary(index: number): Policy {
  const team = index % teams;
  const condition = `args.path.startsWith("/team-${index}/") && args.size < ${index}`;
  const targets = [
    { ...anything, servers: [`team-${team}`], tools: [`tool-${index}`] },
    { ...anything, tools: [`team_${index}_*`] },
    { ...anything, methods: ['tools/call'], servers: [`team-${team}`] },
    { ...anything, servers: ['files'], tools: ['write_file'] },
  ][index % 4];
  const subjects = { roles: [`team-${index}`], subjects: [], apiKeys: [] };
  return policy(index, { targets: targets ?? anything, subjects, condition });
}

/** Three that are about every call of the bench, found by tool, by role and by server. */
function matching(first: number): Policy[] {
  const subjects = { roles: ['agent'], subjects: [], apiKeys: [] };
  return [
    policy(first, {
      targets: { ...anything, servers: ['files'], tools: ['write_file'] },
      condition: 'args.path.startsWith("/etc/") || args.size > 100000',
    }),
    policy(first + 1, {
      targets: { ...anything, tools: ['write_*'] },
      subjects,
      condition: 'principal.subject == "user:0" && server.labels["env"] == "prod"',
    }),
    policy(first + 2, {
      effect: 'allow',
      targets: { ...anything, servers: ['files'], tools: ['*'] },
      condition: 'request.method == "tools/call" && args.path.startsWith("/srv/")',
    }),
  ];
}

function organization(count: number): Policy[] {
  return [...Array.from({ length: count - 3 }, (_, index) => ordinary(index)), ...matching(count)];
}

/** One for all calls, as in a snapshot; all else of a call is its own. */
const server: PolicyCall['server'] = {
  id: 'files-id',
  slug: 'files',
  labels: new Map([['env', 'test']]),
};
const otherServer = { ...server, slug: 'none' };

function call(index: number, tool: string): PolicyCall {
  return {
    principal: {
      subject: `user:${(index % 100) + 1}`,
      roles: ['agent', 'staff'],
      scopes: ['mcp:*'],
      credentialId: `key-${index % 100}`,
      credentialKind: 'api_key',
    },
    server,
    request: {
      method: 'tools/call',
      era: 'modern',
      client: { name: 'bench', version: '1' },
      address: '192.0.2.1',
      headers: new Map(),
    },
    target: { kind: 'tool', name: tool },
    pin: undefined,
    args: { path: `/srv/notes-${index}.txt`, size: index, text: 'words' },
    nowMs: 1_790_000_000_000 + index,
  };
}

/** Microseconds of each decision, in ascending order; the first tenth is for Node's compiler. */
function decisionTimes(set: PolicySet, calls: readonly PolicyCall[], cause: string): Float64Array {
  const times = new Float64Array(calls.length);
  for (const [index, one] of calls.entries()) {
    const begin = performance.now();
    const decision = set.decide(one);
    times[index] = (performance.now() - begin) * 1000;
    if (!decision.allowed || decision.cause !== cause) throw new Error('decided otherwise');
  }
  return times.subarray(Math.floor(calls.length / 10)).sort();
}

/** CPU time of this process, all threads: others on the machine don't count. */
function cpuMs(work: () => void): number {
  const begin = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1000;
}

function indexFigures(
  count: number,
): Pick<PolicyFigures, 'prepareMs' | 'indexMs' | 'longestStepMs'> {
  const prepared: PreparedPolicy[] = [];
  const prepareMs = cpuMs(() => {
    for (const one of organization(count)) prepared.push(preparePolicy(one, compileCondition));
  });
  const builder = new PolicySetBuilder();
  let longestStepMs = 0;
  const indexMs = cpuMs(() => {
    for (const one of prepared) {
      const begin = performance.now();
      builder.add(one);
      longestStepMs = Math.max(longestStepMs, performance.now() - begin);
    }
  });
  if (builder.finish().size !== count) throw new Error('policies are missing');
  return { prepareMs, indexMs, longestStepMs };
}

function narrow(set: PolicySet, caller: PolicyCall, items: number): void {
  const query = set.visibility(caller);
  for (let item = 0; item < items; item += 1) {
    const shown = query.mayUse('tools/call', { kind: 'tool', name: `write_${item}` }, undefined);
    if (!shown) throw new Error('an item is hidden');
  }
}

function listTime(set: PolicySet, items: number): number {
  const times = Array.from({ length: 20 }, (_, round) =>
    cpuMs(() => narrow(set, call(round, ''), items)),
  );
  return median(times);
}

/** Measures what deciding costs, in an organization with many policies. */
export function runPolicyBench(plan: PolicyBenchPlan): PolicyFigures {
  const options = { default: 'allow', compile: compileCondition } as const;
  const set = PolicySet.compile(organization(plan.policies), options);
  const matched = Array.from({ length: plan.decisions }, (_, n) => call(n, 'write_file'));
  const unmatched = matched.map((one) => ({ ...one, server: otherServer }));
  const decisions = decisionTimes(set, matched, 'policy');
  const others = unmatched.map((one) => ({ ...one, target: { kind: 'tool' as const, name: 'x' } }));
  return {
    decisionP50Us: quantile(decisions, 0.5),
    decisionP99Us: quantile(decisions, 0.99),
    unmatchedP50Us: quantile(decisionTimes(set, others, 'default'), 0.5),
    ...indexFigures(plan.indexed),
    listMs: listTime(set, plan.listed),
  };
}

/** The figures as lines for a terminal. */
export function policyLines(plan: PolicyBenchPlan, figures: PolicyFigures): string[] {
  const us = (value: number) => `${value.toFixed(2).padStart(8)} µs`;
  const ms = (value: number) => `${value.toFixed(2).padStart(8)} ms`;
  return [
    `  decision, 3 of ${plan.policies} policies match   p50 ${us(figures.decisionP50Us)}   p99 ${us(figures.decisionP99Us)}`,
    `  decision, none matches              p50 ${us(figures.unmatchedP50Us)}`,
    `  a list of ${plan.listed} tools narrowed          ${ms(figures.listMs)}`,
    `  ${plan.indexed} policies prepared            ${ms(figures.prepareMs)}`,
    `  … and indexed                       ${ms(figures.indexMs)}   longest step ${ms(figures.longestStepMs)}`,
  ];
}
