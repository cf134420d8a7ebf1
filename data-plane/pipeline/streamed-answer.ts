import { reasons } from '../../common/reasons.ts';
import type { UpstreamFailure, UpstreamHead } from '../upstream/upstream-transport.ts';
import { answerHeaders } from './answer-headers.ts';
import type { AnswerReader } from './answer-reader.ts';
import { isLongStream } from './limit.ts';
import { ListAnnouncer } from './list-announcer.ts';
import { type LocalReply, localReply, localReplyBody } from './local-reply.ts';
import type { CallEnding } from './record.ts';
import type { Answer, AnswerProgress, LongStream, RelayedCall } from './relayed-call.ts';

/**
 * An answer whose chunks go to the client as they come. Both ends wait for each other, so that a slow
 * client costs what is in one chunk.
 */
export class StreamedAnswer implements Answer, LongStream {
  readonly #relayed: RelayedCall;
  readonly #head: UpstreamHead;
  readonly #reader: AnswerReader;
  readonly #long: boolean;
  /** Of a stream that is meant to stay open. */
  readonly #announcer: ListAnnouncer | undefined;
  /** The response and what followed it, while its record is on its way to the disk. */
  #unrecorded: Buffer[] | undefined;
  #endsOnceRecorded = false;
  #withdrawn = false;
  #stallTimer: NodeJS.Timeout | undefined;
  #startTimer: NodeJS.Timeout | undefined;

  private constructor(relayed: RelayedCall, head: UpstreamHead, reader: AnswerReader) {
    this.#relayed = relayed;
    this.#head = head;
    this.#reader = reader;
    this.#long = isLongStream(relayed.call.permit);
    const { call, parts } = relayed;
    const send = (event: Buffer) => this.#send(event);
    this.#announcer = this.#long
      ? new ListAnnouncer({ call, reader, monotonicMs: parts.monotonicMs, send })
      : undefined;
  }

  /** Sends the head; what comes from now on is the stream's. */
  static begin(relayed: RelayedCall, head: UpstreamHead, reader: AnswerReader): StreamedAnswer {
    const answer = new StreamedAnswer(relayed, head, reader);
    relayed.become(answer);
    answer.#begin();
    return answer;
  }

  get progress(): AnswerProgress {
    return { httpStatus: this.#head.status, rpcErrorCode: this.#reader.errorCode };
  }

  write(chunk: Buffer): void {
    const piece = this.#reader.write(chunk);
    const reason = this.#reader.failure;
    if (reason !== undefined) {
      this.broke({ reason, nothingSent: false, detail: 'a value that has to be rewritten' });
    } else {
      if (piece.length > 0) this.pass(piece);
      this.#announcer?.passed();
    }
  }

  /** Passes on what the reader has read; a response only once it is recorded. */
  pass(piece: Buffer): void {
    if (this.#unrecorded !== undefined) {
      this.#unrecorded.push(piece);
      return;
    }
    const { context, parts } = this.#relayed;
    if (this.#long || !this.#reader.answered || context.log.finished) {
      this.#send(piece);
      return;
    }
    this.#unrecorded = [piece];
    if (context.log.mustAudit) this.#relayed.pause();
    const ending = this.#ending('completed', context.reply.bytesWritten + piece.length);
    // A client acts on the response as soon as it has it, not at the stream's end.
    parts.finisher.finish(context, ending, () => this.#recorded());
  }

  end(): void {
    if (this.#unrecorded !== undefined) {
      this.#endsOnceRecorded = true;
    } else if (this.#owesResponse && !this.#reader.resumable) {
      this.broke({ reason: 'upstream_closed', nothingSent: false, detail: 'no response' });
    } else {
      this.#end();
    }
  }

  /**
   * What is begun can't be taken back. A client that waits for a response in a stream of events gets one
   * that says what happened, for clients don't take a cut stream for an answer and wait on; one that can
   * resume the stream is cut off, as it would be without a gateway, and so is one that reads JSON.
   */
  broke(failure: UpstreamFailure): void {
    this.#relayed.stop();
    if (this.#unrecorded !== undefined) {
      this.#endsOnceRecorded = true;
      return;
    }
    const { context, parts } = this.#relayed;
    const { reply, log } = context;
    if (log.finished) {
      reply.end();
      return;
    }
    const last = this.#lastEvent(failure);
    const outcome = failure.reason === 'upstream_timeout' ? 'timeout' : 'upstream_closed';
    const ending: CallEnding = {
      ...this.#ending(outcome, reply.bytesWritten + (last?.length ?? 0)),
      decision: 'DECISION_FAILED',
      reason: failure.reason,
      ...(last === undefined ? {} : { rpcErrorCode: reasons[failure.reason].rpcCode }),
    };
    parts.finisher.finish(context, ending, () => {
      if (last === undefined) {
        reply.destroy();
      } else {
        reply.write(last);
        reply.end();
      }
    });
  }

  /**
   * A stream that nothing is owed on ends regularly, so that its client comes back and is told at the door. A
   * client that waits for a response, or for a subscription's events, gets an error instead; one that reads
   * JSON is cut off.
   */
  withdraw(local: LocalReply): void {
    const { context, parts } = this.#relayed;
    const { reply, log } = context;
    const waits = !this.#reader.answered;
    const last = waits ? this.#errorEvent(local) : undefined;
    if (waits && !this.#long) parts.cancel();
    this.#relayed.stop();
    // Recorded, but not on disk yet: it stays unseen.
    const unseen = this.#unrecorded !== undefined;
    this.#withdrawn = true;
    if (log.finished) {
      if (unseen) reply.destroy();
      else reply.end();
      return;
    }
    const { rpcCode } = reasons[local.reason];
    const ending: CallEnding = {
      ...this.#ending('revoked', reply.bytesWritten + (last?.length ?? 0)),
      decision: 'DECISION_FAILED',
      reason: local.reason,
      ...(last === undefined ? {} : { rpcErrorCode: rpcCode }),
    };
    parts.finisher.finish(context, ending, () => {
      if (last !== undefined) reply.write(last);
      if (last === undefined && !this.#long) reply.destroy();
      else reply.end();
    });
  }

  drain(): void {
    this.#relayed.stop();
    const { context, parts } = this.#relayed;
    const ending = this.#ending('drained', context.reply.bytesWritten);
    parts.finisher.finish(context, ending, () => context.reply.end());
  }

  release(): void {
    clearTimeout(this.#stallTimer);
    clearTimeout(this.#startTimer);
    const { streams, listChanges } = this.#relayed.parts;
    streams.delete(this);
    if (this.#announcer === undefined) return;
    listChanges.delete(this.#announcer);
    this.#announcer.release();
  }

  #begin(): void {
    const { context, parts } = this.#relayed;
    const { reply, log } = context;
    const { status } = this.#head;
    parts.forwarded();
    log.begin(status);
    reply.onDrain(() => this.#drained());
    reply.begin(status, answerHeaders(this.#relayed, this.#head, this.#reader.handshake));
    if (this.#announcer !== undefined) {
      parts.streams.add(this);
      parts.listChanges.add(this.#announcer);
      log.start(status);
    } else {
      this.#startTimer = setTimeout(() => log.start(status), parts.options.longStreamMs);
      this.#startTimer.unref();
    }
  }

  /** Whether one response is to come in events and has not come yet; a batch's are not told apart. */
  get #owesResponse(): boolean {
    const { messages } = this.#relayed.call.permit.routed.decoded;
    if (this.#long || this.#reader.answered || this.#reader.eventRest === undefined) return false;
    return messages.length === 1 && messages[0]?.kind === 'request';
  }

  /** Undefined where no single request waits in events: on a GET stream, for a batch, for JSON. */
  #errorEvent(local: LocalReply): Buffer | undefined {
    const { messages } = this.#relayed.call.permit.routed.decoded;
    const rest = this.#reader.eventRest;
    if (rest === undefined || messages.length !== 1 || messages[0]?.kind !== 'request') {
      return undefined;
    }
    const error = localReplyBody(local, this.#relayed.context.facts);
    return Buffer.from(`${rest}event: message\ndata: ${error}\n\n`);
  }

  #lastEvent({ reason }: UpstreamFailure): Buffer | undefined {
    if (!this.#owesResponse) return undefined;
    // A message that can't be relayed would come again when the stream is resumed.
    const unreadable = reason === 'upstream_too_large' || this.#reader.failure !== undefined;
    if (this.#reader.resumable && !unreadable) return undefined;
    const error = localReplyBody(localReply(reason), this.#relayed.context.facts);
    return Buffer.from(`${this.#reader.eventRest}event: message\ndata: ${error}\n\n`);
  }

  /** The response is recorded: now it may be seen. */
  #recorded(): void {
    const pieces = this.#unrecorded ?? [];
    this.#unrecorded = undefined;
    if (this.#withdrawn) return;
    for (const piece of pieces) this.#send(piece);
    if (this.#endsOnceRecorded) this.#end();
    else if (this.#stallTimer === undefined) this.#relayed.resume();
  }

  #send(piece: Buffer): void {
    const { context, parts } = this.#relayed;
    if (context.reply.closed || context.reply.write(piece)) return;
    this.#relayed.pause();
    this.#stallTimer ??= setTimeout(() => this.#stalled(), parts.options.stallTimeoutMs);
  }

  #drained(): void {
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
    this.#relayed.resume();
  }

  #stalled(): void {
    const { context, parts } = this.#relayed;
    this.#relayed.stop();
    const ending = this.#ending('timeout', context.reply.bytesWritten);
    parts.finisher.finish(context, ending, () => undefined);
    context.reply.destroy();
  }

  #end(): void {
    const { context, parts } = this.#relayed;
    this.#relayed.release();
    const ending = this.#ending('completed', context.reply.bytesWritten);
    parts.finisher.finish(context, ending, () => context.reply.end());
  }

  #ending(outcome: CallEnding['outcome'], responseBytes: number): CallEnding {
    const { progress } = this;
    return { ...progress, decision: 'DECISION_ALLOWED', reason: undefined, responseBytes, outcome };
  }
}
