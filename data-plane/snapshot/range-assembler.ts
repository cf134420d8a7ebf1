import type { RangeChunk } from '../../proto/gen/mcpgw/discovery/v1/RangeChunk.ts';
import type { RangeCommit } from '../../proto/gen/mcpgw/discovery/v1/RangeCommit.ts';
import type { ResourceName } from '../../proto/gen/mcpgw/discovery/v1/ResourceName.ts';
import { type CheckedResource, checkResource, receivedResource } from './held-resource.ts';
import { inTurns } from './in-turns.ts';

/** A revision range that has arrived as a whole, each resource verified and decoded. */
export interface CompleteRange {
  readonly fromRevision: number;
  readonly toRevision: number;
  readonly resources: readonly CheckedResource[];
  readonly removed: readonly ResourceName[];
  readonly commit: RangeCommit;
}

export type ChunkOutcome =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'complete'; readonly range: CompleteRange }
  | { readonly kind: 'violation'; readonly message: string };

/** What a resource costs in memory beside its body, as far as the bound on a range is concerned. */
const overheadBytes = 256;
const serverIdBytes = 64;

/**
 * Collects the chunks of a range. Each chunk is decoded as it arrives; nothing of it counts before the
 * commit marker.
 */
export class RangeAssembler {
  readonly #rangeBytesMax: number;
  #first: RangeChunk | undefined;
  #nextIndex = 0;
  #bytes = 0;
  #resources: CheckedResource[] = [];
  #removed: ResourceName[] = [];

  constructor(rangeBytesMax: number) {
    this.#rangeBytesMax = rangeBytesMax;
  }

  /** Forgets what has been collected of a range. */
  reset(): void {
    this.#first = undefined;
    this.#nextIndex = 0;
    this.#bytes = 0;
    this.#resources = [];
    this.#removed = [];
  }

  /** Gives calls their turn while it decodes; the next chunk has to wait until this one is worked in. */
  add(chunk: RangeChunk): Promise<ChunkOutcome> {
    return inTurns(this.#adding(chunk));
  }

  *#adding(chunk: RangeChunk): Generator<void, ChunkOutcome> {
    const violation = this.#violation(chunk);
    if (violation !== undefined) {
      this.reset();
      return { kind: 'violation', message: violation };
    }
    this.#first ??= chunk;
    this.#nextIndex += 1;
    for (const message of chunk.resources) {
      this.#resources.push(checkResource(receivedResource(message)));
      yield;
    }
    for (const name of chunk.removedResources) this.#removed.push(name);
    if (chunk.commit === null) return { kind: 'incomplete' };
    const range = {
      fromRevision: chunk.fromRevision,
      toRevision: chunk.toRevision,
      resources: this.#resources,
      removed: this.#removed,
      commit: chunk.commit,
    };
    this.reset();
    return { kind: 'complete', range };
  }

  #violation(chunk: RangeChunk): string | undefined {
    if (chunk.index !== this.#nextIndex) {
      return `chunk ${chunk.index} of a range came where chunk ${this.#nextIndex} was due`;
    }
    const first = this.#first ?? chunk;
    if (chunk.fromRevision !== first.fromRevision || chunk.toRevision !== first.toRevision) {
      return `chunk ${chunk.index} says that it is of the range ${chunk.fromRevision} to ${chunk.toRevision}`;
    }
    for (const { body, scope } of chunk.resources) {
      this.#bytes += body.length + overheadBytes + (scope?.serverIds.length ?? 0) * serverIdBytes;
    }
    this.#bytes += chunk.removedResources.length * overheadBytes;
    return this.#bytes > this.#rangeBytesMax
      ? `the range has more than ${this.#rangeBytesMax} bytes`
      : undefined;
  }
}
