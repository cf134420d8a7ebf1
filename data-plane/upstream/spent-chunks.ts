import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of chunks after which the spent ones are collected. */
const bytesBetweenCollections = 3 * 1024 * 1024;

type Collect = () => void;

/** V8's own collection of young objects, which Node gives out no other way. */
function youngCollection(): Collect {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  setFlagsFromString('--no-expose-gc');
  return () => collect({ type: 'minor', execution: 'sync' });
}

/**
 * Has the memory of relayed chunks given back in time. It lies outside V8's heap, and V8 lets some 100 MB
 * of it become garbage before it looks; the C library keeps for good what it once was asked for, so that a
 * flood for slow clients would cost a node these 100 MB for the rest of its life. Collected every few
 * megabytes, chunks take the place of spent ones. A collection stops the process for about half a
 * millisecond while the young heap is small.
 */
export class SpentChunks {
  readonly #bytesMax: number;
  #collect: Collect | undefined;
  #bytes = 0;

  /** `collect` is V8's unless a test brings its own. */
  constructor(bytesMax: number = bytesBetweenCollections, collect?: Collect) {
    this.#bytesMax = bytesMax;
    this.#collect = collect;
  }

  /** A chunk of so many bytes was handed on. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < this.#bytesMax) return;
    this.#bytes = 0;
    this.#collect ??= youngCollection();
    this.#collect();
  }
}
