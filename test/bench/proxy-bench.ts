import { type LoadResult, runLoad } from './load.ts';
import { processCpuUs } from './process-cpu.ts';
import { median, quantile } from './quantile.ts';
import type { BenchSubject } from './subject.ts';

export interface ProxyBenchPlan {
  /** Calls of one subject before anything is measured: Node's compiler needs some ten thousand. */
  readonly warmupCalls: number;
  /** Measured rounds; each runs every subject once, in turning order. */
  readonly rounds: number;
  /** Calls of one subject in one round, over `connections` connections. */
  readonly calls: number;
  readonly connections: number;
  /** Calls of one subject in one round one after the other, for the latency without queueing. */
  readonly singleCalls: number;
}

/** A subject's figures: the median of its rounds for each. */
export interface SubjectFigures {
  readonly name: BenchSubject['name'];
  /** CPU time of its processes, in microseconds a call; 0 for a direct connection. */
  readonly cpuUsPerCall: number;
  readonly callsPerSecond: number;
  /** Under full load: what a call waits for includes the calls before it. */
  readonly loadedP50Us: number;
  readonly loadedP99Us: number;
  /** One call at a time. */
  readonly singleP50Us: number;
  readonly singleP99Us: number;
}

interface Round {
  readonly cpuUs: number;
  readonly loaded: LoadResult;
  readonly single: LoadResult;
}

/**
 * Runs the subjects in turn, round by round, with the same fixed work, so that what else the machine does
 * meets all of them.
 */
export async function runProxyBench(
  subjects: readonly BenchSubject[],
  plan: ProxyBenchPlan,
  onRound: (round: number) => void,
): Promise<SubjectFigures[]> {
  const rounds = new Map<BenchSubject, Round[]>(subjects.map((subject) => [subject, []]));
  for (const { target } of subjects) await runLoad(target, plan.warmupCalls, plan.connections);
  for (let round = 1; round <= plan.rounds; round += 1) {
    const turn = round % subjects.length;
    for (const subject of [...subjects.slice(turn), ...subjects.slice(0, turn)]) {
      rounds.get(subject)?.push(await runRound(subject, plan));
    }
    onRound(round);
  }
  return subjects.map((subject) => figures(subject.name, rounds.get(subject) ?? []));
}

async function runRound({ target, pids }: BenchSubject, plan: ProxyBenchPlan): Promise<Round> {
  const before = processCpuUs(pids());
  const loaded = await runLoad(target, plan.calls, plan.connections);
  const cpuUs = processCpuUs(pids()) - before;
  const single = await runLoad(target, plan.singleCalls, 1);
  return { cpuUs, loaded, single };
}

function figures(name: BenchSubject['name'], rounds: readonly Round[]): SubjectFigures {
  const of = (value: (round: Round) => number) => median(rounds.map(value));
  return {
    name,
    cpuUsPerCall: of(({ cpuUs, loaded }) => cpuUs / loaded.calls),
    callsPerSecond: of(({ loaded }) => (loaded.calls / loaded.wallMs) * 1000),
    loadedP50Us: of(({ loaded }) => quantile(loaded.latenciesUs, 0.5)),
    loadedP99Us: of(({ loaded }) => quantile(loaded.latenciesUs, 0.99)),
    singleP50Us: of(({ single }) => quantile(single.latenciesUs, 0.5)),
    singleP99Us: of(({ single }) => quantile(single.latenciesUs, 0.99)),
  };
}

/** What a subject costs more than a direct connection. */
export interface AddedCost {
  readonly cpuUsPerCall: number;
  readonly singleP50Us: number;
  readonly singleP99Us: number;
}

export function addedCost(subject: SubjectFigures, direct: SubjectFigures): AddedCost {
  return {
    cpuUsPerCall: subject.cpuUsPerCall - direct.cpuUsPerCall,
    singleP50Us: subject.singleP50Us - direct.singleP50Us,
    singleP99Us: subject.singleP99Us - direct.singleP99Us,
  };
}
