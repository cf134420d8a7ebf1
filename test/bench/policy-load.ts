import { setImmediate as nextTurn } from 'node:timers/promises';
import { contracts } from '../../common/contracts.ts';
import { applyRange } from '../../data-plane/snapshot/apply-range.ts';
import { RangeAssembler } from '../../data-plane/snapshot/range-assembler.ts';
import { ResourceState } from '../../data-plane/snapshot/resource-state.ts';
import type { Resource } from '../../proto/gen/mcpgw/discovery/v1/Resource.ts';
import {
  digestsOf,
  organization,
  policy,
  sealKeyRing,
} from '../support/control-plane-double-resources.ts';

export interface PolicyLoadFigures {
  readonly policies: number;
  /** Different conditions among them. */
  readonly conditions: number;
  /** From the first chunk's bytes to the snapshot that decides by all of them. */
  readonly readyMs: number;
  /** Longest time for which nothing else could run; what else the machine does counts. */
  readonly heldMsMax: number;
  /** The most that the held thread itself worked without a pause: what else the machine does doesn't count. */
  readonly heldThreadCpuMsMax: number;
  /** The same of all the process's threads, such as those that collect garbage: what one core would be held for. */
  readonly heldProcessCpuMsMax: number;
}

/** The figures as a line for a terminal. */
export function policyLoadLine(figures: PolicyLoadFigures) {
  const { policies, conditions, readyMs, heldMsMax } = figures;
  const what = `${policies} policies, ${conditions} conditions`;
  const cpu = `thread ${figures.heldThreadCpuMsMax.toFixed(1)} ms, process ${figures.heldProcessCpuMsMax.toFixed(1)} ms`;
  const held = `held for ${heldMsMax.toFixed(1)} ms at most (CPU: ${cpu})`;
  return `  ${what.padEnd(35)} ready in ${readyMs.toFixed(0)} ms   ${held}`;
}

/** What the control plane fills a chunk with, in bytes. */
const chunkBytes = 256 * 1024;

/** The range as it comes over the network. */
function chunksOf(resources: readonly Resource[]): Buffer[] {
  const chunks: Buffer[] = [];
  let part: Resource[] = [];
  let bytes = 0;
  const close = (more: object): void => {
    const fields = { fromRevision: 0, toRevision: 1, index: chunks.length, resources: part };
    chunks.push(contracts.discovery.RangeChunk.serialize({ ...fields, ...more }));
    part = [];
    bytes = 0;
  };
  for (const resource of resources) {
    part.push(resource);
    bytes += resource.body.length + 200;
    if (bytes > chunkBytes) close({});
  }
  close({ commit: { nonce: 'n', digests: digestsOf(resources) } });
  return chunks;
}

function rules(count: number, conditions: number): Resource[] {
  return Array.from({ length: count }, (_, index) =>
    policy(`policy-${index}`, 'acme', {
      position: index,
      tools: [`tool-${index % 2000}-*`],
      roles: [`role-${index % 20}`],
      condition: `args.path.startsWith("/srv/${index % conditions}/") && args.size > 100`,
      message: 'Ask the owner of the folder.',
    }),
  );
}

type HoldFigures = Omit<PolicyLoadFigures, 'policies' | 'conditions' | 'readyMs'>;

function msOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000;
}

/** Watches from the side for how long the event loop is held, until `stop`. */
function watchHolds(): { stop(): Promise<HoldFigures> } {
  let isOver = false;
  const held = { heldMsMax: 0, heldThreadCpuMsMax: 0, heldProcessCpuMsMax: 0 };
  const watching = (async () => {
    while (!isOver) {
      const begin = performance.now();
      // In this order: Linux brings a thread's account up to date when it is asked for the process's.
      const all = process.cpuUsage();
      const thread = process.threadCpuUsage();
      await nextTurn();
      held.heldMsMax = Math.max(held.heldMsMax, performance.now() - begin);
      held.heldProcessCpuMsMax = Math.max(held.heldProcessCpuMsMax, msOf(process.cpuUsage(all)));
      const threadMs = msOf(process.threadCpuUsage(thread));
      held.heldThreadCpuMsMax = Math.max(held.heldThreadCpuMsMax, threadMs);
    }
  })();
  return {
    stop: async () => {
      isOver = true;
      await watching;
      return held;
    },
  };
}

async function takeIn(chunks: readonly Buffer[], count: number): Promise<void> {
  const assembler = new RangeAssembler(256 * 1024 * 1024);
  for (const chunk of chunks) {
    const outcome = await assembler.add(contracts.discovery.RangeChunk.deserialize(chunk));
    if (outcome.kind !== 'complete') continue;
    const context = { epoch: 'e', first: true, replacesAll: true };
    const applied = await applyRange(ResourceState.empty(), outcome.range, context);
    if (applied.kind !== 'applied') throw new Error(`The range is ${applied.kind}.`);
    const set = applied.state.snapshot?.policies({ id: 'acme', policyDefault: 'allow' });
    if (set?.size !== count) throw new Error('The snapshot lacks policies.');
    return;
  }
  throw new Error('The range has no end.');
}

/** Takes a set of policies from the bytes of a stream to a snapshot, while something else wants its turns. */
export async function runPolicyLoad(count: number, conditions: number): Promise<PolicyLoadFigures> {
  const chunks = chunksOf([sealKeyRing(), organization('acme'), ...rules(count, conditions)]);
  const holds = watchHolds();
  const startedAt = performance.now();
  await takeIn(chunks, count);
  const readyMs = performance.now() - startedAt;
  return { policies: count, conditions, readyMs, ...(await holds.stop()) };
}
