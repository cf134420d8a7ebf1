import type { EnforcementFigures } from './enforcement.ts';
import { type AddedCost, addedCost, type SubjectFigures } from './proxy-bench.ts';

/** What the proxy part found, ratios first: they hold on another machine, the microseconds don't. */
export interface ProxyReport {
  /** The node's cost as a multiple of nginx's; undefined without nginx. */
  readonly nodeToNginx: Readonly<Record<keyof AddedCost, number | undefined>> | undefined;
  readonly added: Readonly<Record<string, AddedCost>>;
  readonly subjects: readonly SubjectFigures[];
}

export function proxyReport(subjects: readonly SubjectFigures[]): ProxyReport {
  const direct = subjects.find(({ name }) => name === 'direct');
  if (!direct) throw new Error('Nothing can be compared without the direct connection.');
  const added = Object.fromEntries(
    subjects
      .filter(({ name }) => name !== 'direct')
      .map((subject) => [subject.name, addedCost(subject, direct)]),
  );
  const { node, nginx } = added;
  const nodeToNginx = node &&
    nginx && {
      cpuUsPerCall: ratio(node.cpuUsPerCall, nginx.cpuUsPerCall),
      singleP50Us: ratio(node.singleP50Us, nginx.singleP50Us),
      singleP99Us: ratio(node.singleP99Us, nginx.singleP99Us),
    };
  return { nodeToNginx, added, subjects };
}

/** Undefined where noise ate what nginx adds: a multiple of nothing says nothing. */
function ratio(node: number, nginx: number): number | undefined {
  return nginx > 0 ? node / nginx : undefined;
}

/** The report as lines for a terminal. */
export function proxyLines({ nodeToNginx, added, subjects }: ProxyReport): string[] {
  const lines: string[] = [];
  if (nodeToNginx) {
    const times = (value: number | undefined) =>
      value === undefined ? '– (noise)' : `${value.toFixed(2)}×`;
    lines.push(
      'node ÷ nginx (what each adds to a direct connection)',
      `  CPU a call       ${times(nodeToNginx.cpuUsPerCall).padStart(9)}`,
      `  latency p50      ${times(nodeToNginx.singleP50Us).padStart(9)}`,
      `  latency p99      ${times(nodeToNginx.singleP99Us).padStart(9)}`,
    );
  }
  lines.push(
    row(
      '',
      'CPU/call',
      'added p50',
      'added p99',
      'p50',
      'p99',
      'loaded p50',
      'loaded p99',
      'calls/s',
    ),
  );
  for (const subject of subjects) {
    const cost = added[subject.name];
    lines.push(
      row(
        subject.name,
        cost ? micros(cost.cpuUsPerCall) : '–',
        cost ? micros(cost.singleP50Us) : '–',
        cost ? micros(cost.singleP99Us) : '–',
        micros(subject.singleP50Us),
        micros(subject.singleP99Us),
        micros(subject.loadedP50Us),
        micros(subject.loadedP99Us),
        subject.callsPerSecond.toFixed(0),
      ),
    );
  }
  return lines;
}

/** How soon a change held, as lines for a terminal. */
export function enforcementLines({
  samples,
  p50Ms,
  p99Ms,
  maxMs,
  droppedStreams,
}: EnforcementFigures & { readonly droppedStreams: number }): string[] {
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  return [
    `  mutation’s response to the first call that obeys it, ${samples} samples`,
    `  p50 ${ms(p50Ms)}   p99 ${ms(p99Ms)}   max ${ms(maxMs)}   streams dropped ${droppedStreams}`,
  ];
}

function micros(value: number): string {
  return `${value.toFixed(1)} µs`;
}

function row(name: string, ...cells: readonly string[]): string {
  return `${name.padEnd(8)}${cells.map((cell) => cell.padStart(12)).join('')}`;
}
