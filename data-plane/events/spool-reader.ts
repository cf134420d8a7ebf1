import { type FileHandle, open } from 'node:fs/promises';
import { decodeRecords, payloadBytesMax, recordHeadBytes, segmentHeadBytes } from './segment.ts';
import type { Spool } from './spool.ts';
import type { SpoolSegment } from './spool-segment.ts';

/** Encoded events in the order of their sequences. */
export interface SpooledEvents {
  readonly lastSequence: number;
  readonly payloads: readonly Buffer[];
}

export interface SpoolReadBounds {
  readonly eventsMax: number;
  readonly bytesMax: number;
}

/** Reads a spool from the oldest unacknowledged event on, once it is on disk. One read at a time. */
export class SpoolReader {
  readonly #spool: Spool;
  #segment: SpoolSegment | undefined;
  #handle: FileHandle | undefined;
  #offset = segmentHeadBytes;
  #dueSequence = 0;
  /** What has been read or acknowledged already is skipped. */
  #afterSequence: number;

  constructor(spool: Spool) {
    this.#spool = spool;
    this.#afterSequence = spool.acknowledgedSequence;
  }

  /** The next events, or undefined when there are none on disk yet. */
  async next(bounds: SpoolReadBounds): Promise<SpooledEvents | undefined> {
    while (await this.#enterSegment()) {
      const events = await this.#read(bounds);
      if (events !== undefined) return events;
      if (!(await this.#passSegment())) return undefined;
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.#leaveSegment();
  }

  async #enterSegment(): Promise<boolean> {
    if (this.#afterSequence >= this.#spool.durableSequence) return false;
    if (this.#segment !== undefined) return true;
    const segment = this.#spool
      .segments()
      .find(({ lastSequence }) => lastSequence > this.#afterSequence);
    if (segment === undefined) return false;
    this.#handle = await open(segment.file, 'r');
    this.#segment = segment;
    this.#offset = segmentHeadBytes;
    this.#dueSequence = segment.firstSequence;
    return true;
  }

  /** Goes on to the next segment once this one is read to its end; false: more may come, or be synced. */
  async #passSegment(): Promise<boolean> {
    const segment = this.#segment;
    if (segment === undefined) return true;
    const isLast = segment === this.#spool.segments().at(-1);
    if (isLast || this.#dueSequence <= segment.lastSequence) return false;
    this.#afterSequence = Math.max(this.#afterSequence, segment.lastSequence);
    await this.#leaveSegment();
    return true;
  }

  async #leaveSegment(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#segment = undefined;
    await handle?.close();
  }

  /** Undefined: the segment has nothing further. */
  async #read(bounds: SpoolReadBounds): Promise<SpooledEvents | undefined> {
    for (;;) {
      const segment = this.#segment;
      const last = Math.min(segment?.lastSequence ?? 0, this.#spool.durableSequence);
      if (segment === undefined || this.#handle === undefined || this.#dueSequence > last) {
        return undefined;
      }
      const length = Math.min(
        Math.max(bounds.bytesMax, recordHeadBytes + payloadBytesMax),
        segment.bytes - this.#offset,
      );
      const chunk = Buffer.alloc(length);
      const { bytesRead } = await this.#handle.read(chunk, 0, length, this.#offset);
      const before = this.#dueSequence;
      const events = this.#take(chunk.subarray(0, bytesRead), last, bounds);
      if (events.payloads.length > 0) return events;
      if (this.#dueSequence === before) {
        this.#afterSequence = segment.lastSequence;
        this.#spool.noteDamage(segment, before - 1);
        await this.#leaveSegment();
        return undefined;
      }
    }
  }

  /** Takes whole records out of a chunk and moves on behind them. */
  #take(chunk: Buffer, last: number, { eventsMax, bytesMax }: SpoolReadBounds): SpooledEvents {
    const payloads: Buffer[] = [];
    const start = this.#offset;
    let bytes = 0;
    for (const record of decodeRecords(chunk, 0, this.#dueSequence)) {
      if (record.sequence > last || payloads.length >= eventsMax) break;
      if (payloads.length > 0 && bytes + record.payload.length > bytesMax) break;
      this.#offset = start + record.end;
      this.#dueSequence = record.sequence + 1;
      if (record.sequence <= this.#afterSequence) continue;
      payloads.push(record.payload);
      bytes += record.payload.length;
      this.#afterSequence = record.sequence;
    }
    return { lastSequence: this.#afterSequence, payloads };
  }
}
