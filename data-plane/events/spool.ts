import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { contracts } from '../../common/contracts.ts';
import type { CallRecord } from '../../proto/gen/mcpgw/events/v1/CallRecord.ts';
import type { EventInput } from '../../proto/gen/mcpgw/events/v1/Event.ts';
import { boundedCallRecord } from './call-record-bounds.ts';
import type { AnonymousRefusal, CallRecorder } from './call-recorder.ts';
import { DurableMark } from './durable-mark.ts';
import { interruptedCalls } from './interrupted-calls.ts';
import { OpenCallTable } from './open-call-table.ts';
import { RefusalAggregator } from './refusal-aggregator.ts';
import { payloadBytesMax, type RecordKind, recordHeadBytes } from './segment.ts';
import { SegmentWriter } from './segment-writer.ts';
import { lockSpool, type SpoolLock } from './spool-lock.ts';
import type { SpoolOptions, SpoolStatus } from './spool-options.ts';
import { type RecoveredSpool, recoverSpool } from './spool-recovery.ts';
import type { SpoolSegment } from './spool-segment.ts';
import { UnreportedLoss } from './unreported-loss.ts';

/** Room that must remain behind a gap event, lest gaps and single records take turns in a full spool. */
const roomAfterGapBytes = 4096;

/** So many aggregates are written before calls get their turn: 1 or 2 ms. */
const talliesPerTurn = 256;

/** How soon a spool that can't be written is tried again. */
const writeRetryMs = 1000;

/**
 * The node's records on their way to the control plane: an append-only log on disk, bounded, numbered,
 * and emptied by acknowledgments. Everything that is recorded is read back only once it is on disk: a
 * number that the control plane has seen is never given to another event after a power failure.
 */
export class Spool implements CallRecorder {
  readonly spoolId: string;
  readonly #options: SpoolOptions;
  readonly #lock: SpoolLock;
  readonly #writer: SegmentWriter;
  readonly #openCalls: OpenCallTable;
  readonly #segments: SpoolSegment[];
  readonly #refusals: RefusalAggregator;
  readonly #refusalTimer: NodeJS.Timeout;
  readonly #durable: DurableMark;
  readonly #loss = new UnreportedLoss();
  readonly #deletions = new Set<Promise<void>>();
  #bytes: number;
  #refusalBytes: number;
  #acknowledgedSequence: number;
  #recordedTotal = 0;
  #droppedTotal = 0;
  #syncTimer: NodeJS.Timeout | undefined;
  #syncing: Promise<void> | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #writeFails = false;
  #syncFails = false;
  #failureLogged = false;
  #closed = false;

  constructor(
    options: SpoolOptions,
    lock: SpoolLock,
    recovered: RecoveredSpool,
    openCalls: OpenCallTable,
  ) {
    this.#options = options;
    this.#lock = lock;
    this.#openCalls = openCalls;
    this.spoolId = recovered.spoolId;
    this.#writer = new SegmentWriter(options.folder, recovered.spoolId, recovered.nextSequence);
    this.#segments = [...recovered.segments, this.#writer.segment];
    this.#bytes = this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
    this.#refusalBytes = this.#segments.reduce((sum, segment) => sum + segment.refusalBytes, 0);
    this.#durable = new DurableMark(recovered.nextSequence - 1);
    this.#acknowledgedSequence = (this.#segments[0]?.firstSequence ?? 1) - 1;
    this.#refusals = new RefusalAggregator(options.refusalBlocksMax, options.now);
    this.#refusalTimer = setInterval(
      () => this.#flushSlice(options.now()),
      options.refusalFlushIntervalMs,
    );
    if (recovered.lostCount > 0) this.#loss.damaged(recovered.lostCount);
    this.#reportGap();
  }

  begin(call: CallRecord): void {
    if (!this.#closed) this.#openCalls.open(boundedCallRecord(call));
  }

  record(call: CallRecord): boolean {
    const isKept = this.#reportGap()
      ? this.#append('call', { call: boundedCallRecord(call) })
      : this.#drop('call');
    // In the same turn as the record: what is synced next holds both.
    if (this.#closed) return isKept;
    if (call.phase === 'CALL_PHASE_START') this.#openCalls.started(call.callId);
    else this.#openCalls.close(call.callId);
    return isKept;
  }

  flushed(): Promise<void> {
    // What was dropped isn't on disk, and never will be: its caller must not take it for recorded.
    if (this.#loss.any) {
      return Promise.reject(new Error('The event spool has dropped records.'));
    }
    const sequence = this.#writer.segment.lastSequence;
    if (sequence <= this.#durable.sequence) return Promise.resolve();
    if (this.#closed) return Promise.reject(new Error('The event spool is closed.'));
    const reached = this.#durable.reached(sequence);
    this.#syncSoon(0);
    return reached;
  }

  hasRoom(): boolean {
    if (this.#writeFails || this.#syncFails || this.#closed) return false;
    return this.#room() >= this.#options.mustAuditReserveBytes;
  }

  refuse(refusal: AnonymousRefusal): void {
    this.#refusals.add(refusal);
  }

  /** Writes the refusals counted so far as aggregates, as far as their quota has room. */
  flushRefusals(): void {
    this.#flushRefusals({
      tallyMax: Number.POSITIVE_INFINITY,
      beforeMs: Number.POSITIVE_INFINITY,
    });
  }

  /** Calls `listener` whenever more of the spool is on disk; returns what ends that. */
  onDurable(listener: () => void): () => void {
    return this.#durable.onAdvance(listener);
  }

  /** Segments that may be read, up to `durableSequence`. */
  segments(): readonly SpoolSegment[] {
    return this.#segments;
  }

  get durableSequence(): number {
    return this.#durable.sequence;
  }

  get acknowledgedSequence(): number {
    return this.#acknowledgedSequence;
  }

  /** The control plane has everything up to `sequence`: segments that hold nothing beyond it go. */
  acknowledge(sequence: number): void {
    if (sequence <= this.#acknowledgedSequence) return;
    this.#acknowledgedSequence = sequence;
    if (sequence > this.#writer.segment.lastSequence) this.#skipTo(sequence + 1);
    while (this.#segments.length > 1 && (this.#segments[0]?.lastSequence ?? 0) <= sequence) {
      const segment = this.#segments.shift();
      if (segment !== undefined) this.#delete(segment);
    }
    this.#reportGap();
  }

  /** A reader found a segment damaged behind `sequence`: what follows in it is lost, and is reported so. */
  noteDamage(segment: SpoolSegment, sequence: number): void {
    const lost = segment.lastSequence - sequence;
    const { file } = segment;
    this.#options.logger.error({ file, lost }, 'a segment of the event spool is damaged');
    this.#loss.damaged(lost);
    if (segment === this.#writer.segment) this.#roll(segment.lastSequence + 1);
    this.#reportGap();
  }

  status(): SpoolStatus {
    return {
      spoolId: this.spoolId,
      bytes: this.#bytes,
      refusalBytes: this.#refusalBytes,
      segmentCount: this.#segments.length,
      recordedSequence: this.#writer.segment.lastSequence,
      durableSequence: this.#durable.sequence,
      acknowledgedSequence: this.#acknowledgedSequence,
      recordedTotal: this.#recordedTotal,
      droppedTotal: this.#droppedTotal,
      hasRoom: this.hasRoom(),
    };
  }

  /** Writes what is still counted, syncs and gives the folder free. */
  async close(): Promise<void> {
    if (this.#closed) return;
    clearInterval(this.#refusalTimer);
    clearTimeout(this.#retryTimer);
    this.flushRefusals();
    this.#closed = true;
    clearTimeout(this.#syncTimer);
    await this.#syncing;
    await this.#sync();
    await Promise.all(this.#deletions);
    this.#writer.close();
    this.#openCalls.end();
    this.#lock.release();
    this.#durable.clearListeners();
  }

  /** Writes some of the refusals counted before `beforeMs`, and the rest after calls had their turn. */
  #flushSlice(beforeMs: number): void {
    if (!this.#flushRefusals({ tallyMax: talliesPerTurn, beforeMs })) return;
    setImmediate(() => this.#flushSlice(beforeMs));
  }

  #flushRefusals(bounds: { readonly tallyMax: number; readonly beforeMs: number }): boolean {
    return this.#refusals.flush((refusals) => this.#append('refusals', { refusals }), bounds);
  }

  #room(): number {
    const { spoolBytesMax, refusalBytesMax } = this.#options;
    return spoolBytesMax - refusalBytesMax - (this.#bytes - this.#refusalBytes);
  }

  #fits(kind: RecordKind, bytes: number): boolean {
    if (kind === 'refusals') return this.#refusalBytes + bytes <= this.#options.refusalBytesMax;
    return bytes + (kind === 'gap' ? roomAfterGapBytes : 0) <= this.#room();
  }

  /** Says that events were dropped, before anything else is recorded; false while there is no room for that. */
  #reportGap(): boolean {
    return this.#loss.report(({ count, cause }) => {
      const gap = { atMs: this.#options.now(), droppedCount: count, cause };
      return this.#append('gap', { gap });
    });
  }

  #append(kind: RecordKind, event: EventInput): boolean {
    if (this.#closed) return false;
    const sequence = this.#writer.segment.lastSequence + 1;
    const payload = contracts.events.Event.serialize({ ...event, sequence });
    const bytes = payload.length + recordHeadBytes;
    if (payload.length > payloadBytesMax || !this.#fits(kind, bytes)) return this.#drop(kind);
    try {
      this.#rollBefore(sequence, bytes);
      this.#writer.append(kind, payload);
    } catch (error) {
      this.#noteFailure(error);
      return this.#drop(kind);
    }
    this.#writeFails = false;
    this.#failureLogged = false;
    this.#bytes += bytes;
    if (kind === 'refusals') this.#refusalBytes += bytes;
    this.#recordedTotal += 1;
    this.#syncSoon(this.#options.syncIntervalMs);
    return true;
  }

  #rollBefore(sequence: number, bytes: number): void {
    const { segment } = this.#writer;
    const isEmpty = segment.lastSequence < segment.firstSequence;
    if (!isEmpty && segment.bytes + bytes > this.#options.segmentBytesMax) this.#roll(sequence);
  }

  #roll(firstSequence: number): void {
    const segment = this.#writer.roll(firstSequence);
    this.#segments.push(segment);
    this.#bytes += segment.bytes;
  }

  #drop(kind: RecordKind): false {
    // Refusals stay counted where they are, and a gap's count stays until there is room.
    if (kind !== 'call') return false;
    this.#droppedTotal += 1;
    this.#loss.dropped();
    return false;
  }

  #noteFailure(error: unknown): void {
    this.#logFailure(error);
    this.#writeFails = true;
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = undefined;
      // Must-audit calls wait for room, so that none of them would find out that there is some again.
      this.#writeFails = false;
      this.#reportGap();
    }, writeRetryMs);
  }

  #logFailure(error: unknown): void {
    if (this.#failureLogged) return;
    this.#failureLogged = true;
    const { folder, logger } = this.#options;
    logger.error(
      { folder, err: error },
      'the event spool can’t be written; records are being dropped',
    );
  }

  /** The control plane has more than this spool ever wrote: its tail was lost in a way that leaves no trace. */
  #skipTo(sequence: number): void {
    const { lastSequence } = this.#writer.segment;
    this.#options.logger.error({ lastSequence, sequence }, 'the event spool lost its tail');
    this.#loss.damaged(1);
    this.#durable.skipTo(sequence - 1);
    this.#roll(sequence);
  }

  #delete(segment: SpoolSegment): void {
    this.#bytes -= segment.bytes;
    this.#refusalBytes -= segment.refusalBytes;
    const deletion = rm(segment.file, { force: true }).catch((error: unknown) => {
      const { file } = segment;
      this.#options.logger.warn({ file, err: error }, 'an acknowledged segment can’t be deleted');
    });
    this.#deletions.add(deletion);
    void deletion.finally(() => this.#deletions.delete(deletion));
  }

  #syncSoon(ms: number): void {
    if (this.#syncing !== undefined || this.#closed) return;
    if (ms === 0) {
      clearTimeout(this.#syncTimer);
      this.#syncTimer = undefined;
      this.#syncing = this.#sync();
    } else {
      this.#syncTimer ??= setTimeout(() => this.#syncSoon(0), ms);
    }
  }

  async #sync(): Promise<void> {
    const sequence = this.#writer.segment.lastSequence;
    let failure: Error | undefined;
    try {
      await Promise.all([this.#writer.sync(), this.#openCalls.sync()]);
    } catch (error) {
      failure = new Error('The event spool can’t be synced.', { cause: error });
    }
    this.#syncing = undefined;
    if (failure !== undefined) this.#syncFailed(failure);
    else this.#synced(sequence);
    if (this.#writer.segment.lastSequence <= this.#durable.sequence) return;
    const { syncIntervalMs } = this.#options;
    const nextMs = failure === undefined ? syncIntervalMs : writeRetryMs;
    this.#syncSoon(this.#durable.awaited ? 0 : nextMs);
  }

  #synced(sequence: number): void {
    this.#syncFails = false;
    this.#durable.advance(sequence);
  }

  #syncFailed(error: Error): void {
    this.#logFailure(error);
    this.#syncFails = true;
    this.#durable.fail(error);
  }
}

/**
 * Opens a spool: takes its lock, and recovers what the last process left.
 * @throws when another process has it open, or the file system refuses.
 */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  const lock = lockSpool(options.folder);
  try {
    const recovered = await recoverSpool(options.folder, options.logger);
    const openCalls = new OpenCallTable(path.join(options.folder, 'open-calls.table'));
    const interrupted = await interruptedCalls(openCalls.left, recovered.segments);
    const spool = new Spool(options, lock, recovered, openCalls);
    for (const call of interrupted) spool.record(call);
    // Only then: dying once more in between, the next process finds either the calls or their records.
    if (interrupted.length > 0) await spool.flushed().catch(() => undefined);
    openCalls.forgetLeft();
    return spool;
  } catch (error) {
    lock.release();
    throw error;
  }
}
