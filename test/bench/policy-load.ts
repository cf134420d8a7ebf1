import { setImmediate as nextTurn } from 'node:timers/promises';
import { contracts } from '../../common/contracts.ts';
import { applyRange } from '../../data-plane/snapshot/apply-range.ts';
import { RangeAssembler } from '../../data-plane/snapshot/range-assembler.ts';
import { ResourceState } from '../../data-plane/snapshot/resource-state.ts';
import type { RangeChunk } from '../../proto/gen/mcpgw/discovery/v1/RangeChunk.ts';
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
  /** From the first chunk to the snapshot that decides by all of them. */
  readonly readyMs: number;
  /** Longest time for which nothing else could run; what else the machine does counts. */
  readonly heldMsMax: number;
}

/** The figures as a line for a terminal. */
export function policyLoadLine({ policies, conditions, readyMs, heldMsMax }: PolicyLoadFigures) {
  const what = `${policies} policies, ${conditions} conditions`;
  return `  ${what.padEnd(35)} ready in ${readyMs.toFixed(0)} ms   held for ${heldMsMax.toFixed(1)} ms at most`;
}

/** What the control plane fills a chunk with, in bytes. */
const chunkBytes = 256 * 1024;

function chunksOf(resources: readonly Resource[]): RangeChunk[] {
  const chunks: RangeChunk[] = [];
  let part: Resource[] = [];
  let bytes = 0;
  const close = (more: object): void => {
    const fields = { fromRevision: 0, toRevision: 1, index: chunks.length, resources: part };
    const encoded = contracts.discovery.RangeChunk.serialize({ ...fields, ...more });
    chunks.push(contracts.discovery.RangeChunk.deserialize(encoded));
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

/** Takes a set of policies from the chunks of a stream to a snapshot, while something else wants its turns. */
export async function runPolicyLoad(count: number, conditions: number): Promise<PolicyLoadFigures> {
  const chunks = chunksOf([sealKeyRing(), organization('acme'), ...rules(count, conditions)]);
  let isOver = false;
  let heldMsMax = 0;
  const others = (async () => {
    let last = performance.now();
    while (!isOver) {
      await nextTurn();
      const now = performance.now();
      heldMsMax = Math.max(heldMsMax, now - last);
      last = now;
    }
  })();
  const startedAt = performance.now();
  const assembler = new RangeAssembler(256 * 1024 * 1024);
  let readyMs = Number.NaN;
  for (const chunk of chunks) {
    const outcome = await assembler.add(chunk);
    if (outcome.kind !== 'complete') continue;
    const context = { epoch: 'e', first: true, replacesAll: true };
    const applied = await applyRange(ResourceState.empty(), outcome.range, context);
    if (applied.kind !== 'applied') throw new Error(`The range is ${applied.kind}.`);
    const set = applied.state.snapshot?.policies({ id: 'acme', policyDefault: 'allow' });
    if (set?.size !== count) throw new Error('The snapshot lacks policies.');
    readyMs = performance.now() - startedAt;
  }
  isOver = true;
  await others;
  return { policies: count, conditions, readyMs, heldMsMax };
}
