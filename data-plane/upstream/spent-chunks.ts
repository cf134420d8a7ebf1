import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of chunks after which the spent ones are collected. */
const bytesBetweenCollections = 3 * 1024 * 1024;

/** Growth of what young collections leave standing after which the old ones are collected as well, in bytes. */
const standingGrowthMax = 16 * 1024 * 1024;

/** The memory that chunks lie in. */
export interface ChunkMemory {
  /** `young` reaches what came since the last collections, `all` also what has outlived some. */
  collect(reach: 'young' | 'all'): void;
  /** Bytes outside V8's heap that are not given back, used or spent. */
  standingBytes(): number;
}

/** V8's own collections, which Node gives out no other way. */
function v8Memory(): ChunkMemory {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  setFlagsFromString('--no-expose-gc');
  return {
    collect: (reach) => collect({ type: reach === 'young' ? 'minor' : 'major', execution: 'sync' }),
    standingBytes: () => getHeapStatistics().external_memory,
  };
}

/**
 * Has the memory of relayed chunks given back in time. It lies outside V8's heap, and V8 lets some 100 MB
 * of it become garbage before it looks; the C library keeps for good what it once was asked for, so that a
 * flood for slow clients would cost a node these 100 MB for the rest of its life. Collected every few
 * megabytes, chunks take the place of spent ones. A collection stops the process for about half a
 * millisecond while the young heap is small.
 *
 * Chunks that waited for their client outlive the young collections and are garbage only to one of the whole
 * heap, which stops the process for some tens of milliseconds: it comes when what stands has grown by a half,
 * and by 16 MB at least, so that a node which holds much is not stopped more often.
 */
export class SpentChunks {
  readonly #bytesMax: number;
  #memory: ChunkMemory | undefined;
  #bytes = 0;
  /** Least that stood since the last collection of all. */
  #standingBytes = Number.POSITIVE_INFINITY;

  /** `memory` is V8's unless a test brings its own. */
  constructor(bytesMax: number = bytesBetweenCollections, memory?: ChunkMemory) {
    this.#bytesMax = bytesMax;
    this.#memory = memory;
  }

  /** A chunk of so many bytes was handed on. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < this.#bytesMax) return;
    this.#bytes = 0;
    this.#memory ??= v8Memory();
    this.#memory.collect('young');
    const standing = this.#memory.standingBytes();
    this.#standingBytes = Math.min(this.#standingBytes, standing);
    const growthMax = Math.max(standingGrowthMax, this.#standingBytes / 2);
    if (standing - this.#standingBytes < growthMax) return;
    this.#memory.collect('all');
    this.#standingBytes = this.#memory.standingBytes();
  }
}
