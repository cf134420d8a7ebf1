import { closeSync, fdatasync, ftruncateSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { syncFolder } from '../snapshot/sync-folder.ts';
import {
  encodeRecord,
  encodeSegmentHead,
  payloadBytesMax,
  type RecordKind,
  recordHeadBytes,
  segmentFileName,
  segmentHeadBytes,
} from './segment.ts';
import type { SpoolSegment } from './spool-segment.ts';

const syncData = promisify(fdatasync);

function writeAll(fd: number, bytes: Buffer, position: number): void {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(fd, bytes, written, bytes.length - written, position + written);
  }
}

interface OpenSegment {
  readonly segment: SpoolSegment;
  readonly fd: number;
}

/**
 * Appends records to segment files. An append is one write at once (some 2 µs): when it returns, the
 * record outlives the process. `sync` makes it outlive the machine, off the event loop.
 */
export class SegmentWriter {
  readonly #folder: string;
  readonly #spoolId: string;
  readonly #scratch = Buffer.alloc(recordHeadBytes + payloadBytesMax);
  #active: OpenSegment;
  #retiring: OpenSegment[] = [];
  #folderChanged = true;

  /** @throws what the file system throws. */
  constructor(folder: string, spoolId: string, firstSequence: number) {
    this.#folder = folder;
    this.#spoolId = spoolId;
    this.#active = this.#open(firstSequence);
  }

  /** The segment that is written; it is replaced by `roll`. */
  get segment(): SpoolSegment {
    return this.#active.segment;
  }

  /**
   * Appends a record with the sequence that is due; returns the bytes it takes.
   * @throws what the file system throws, and then the segment is as it was before.
   */
  append(kind: RecordKind, payload: Uint8Array): number {
    const { segment, fd } = this.#active;
    const length = encodeRecord(this.#scratch, segment.lastSequence + 1, kind, payload);
    try {
      writeAll(fd, this.#scratch.subarray(0, length), segment.bytes);
    } catch (error) {
      ftruncateSync(fd, segment.bytes);
      throw error;
    }
    segment.bytes += length;
    segment.lastSequence += 1;
    if (kind === 'refusals') segment.refusalBytes += length;
    return length;
  }

  /**
   * Ends the segment and begins the next.
   * @throws what the file system throws, and then the segment goes on.
   */
  roll(firstSequence: number): SpoolSegment {
    const next = this.#open(firstSequence);
    this.#retiring.push(this.#active);
    this.#active = next;
    this.#folderChanged = true;
    return next.segment;
  }

  /** Resolves once everything appended before the call is on disk; not to be called while it runs. */
  async sync(): Promise<void> {
    const { fd } = this.#active;
    const retiring = this.#retiring;
    this.#retiring = [];
    try {
      for (const one of retiring) await syncData(one.fd);
      await syncData(fd);
    } finally {
      for (const one of retiring) closeSync(one.fd);
    }
    if (!this.#folderChanged) return;
    this.#folderChanged = false;
    await syncFolder(this.#folder);
  }

  close(): void {
    for (const { fd } of this.#retiring) closeSync(fd);
    closeSync(this.#active.fd);
  }

  #open(firstSequence: number): OpenSegment {
    const file = path.join(this.#folder, segmentFileName(firstSequence));
    const fd = openSync(file, 'wx', 0o600);
    writeAll(fd, encodeSegmentHead({ spoolId: this.#spoolId, firstSequence }), 0);
    const segment: SpoolSegment = {
      file,
      firstSequence,
      lastSequence: firstSequence - 1,
      bytes: segmentHeadBytes,
      refusalBytes: 0,
    };
    return { segment, fd };
  }
}
