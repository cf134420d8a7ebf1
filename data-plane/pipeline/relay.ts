import { sealSession } from '../identity/sealed-session.ts';
import type { EndpointEntry } from '../snapshot/snapshot.ts';
import type {
  UpstreamExchange,
  UpstreamFailure,
  UpstreamHead,
  UpstreamSink,
} from '../upstream/upstream-transport.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import { AnswerReader } from './answer-reader.ts';
import type { CallContext, CallFinisher } from './call-finisher.ts';
import type { Admitted } from './limit.ts';
import { isLongStream } from './limit.ts';
import { type LocalReply, localReply } from './local-reply.ts';
import type { PipelineOptions } from './pipeline-options.ts';
import type { CallEnding, CallOutcome } from './record.ts';
import {
  answerKind,
  isModernError,
  readRpcError,
  refusedHead,
  replyForForeignError,
  saysSessionUnknown,
} from './upstream-answer.ts';

/** What a relay needs besides the call. */
export interface RelayParts {
  readonly options: PipelineOptions;
  readonly finisher: CallFinisher;
  readonly eras: Upstreams['eras'];
  readonly monotonicMs: () => number;
  /** Where a long stream is counted and found when the node drains. */
  readonly streams: Set<Relay>;
  /** Tries the call on another endpoint; false when there is none or something was sent. */
  readonly retry: (failure: UpstreamFailure) => boolean;
}

/** Largest error, and largest handshake, that is read as a whole, in bytes. */
const errorBytesMax = 65_536;
const initializeBytesMax = 1_048_576;
/** An answer of known length up to this is sent in one piece, in bytes. */
const smallAnswerBytesMax = 16_384;

type Mode = 'waiting' | 'empty' | 'error' | 'whole' | 'streaming' | 'ended';

const noHeaders: Readonly<Record<string, string>> = {};

/**
 * Carries one answer from the upstream to the client: both wait for each other, so that a slow client
 * costs what is in one chunk, and either end's closing ends the other.
 *
 * In both eras a client that goes away closes the upstream's leg too. In the modern era that is the
 * cancellation; in the legacy era it is the same disconnect that a server behind no gateway would see, and
 * what lets it resume the stream when the client comes back.
 */
export class Relay implements UpstreamSink {
  readonly #call: Admitted;
  readonly #endpoint: EndpointEntry;
  readonly #context: CallContext;
  readonly #parts: RelayParts;
  readonly #sentMs: number;
  #exchange: UpstreamExchange | undefined;
  #mode: Mode = 'waiting';
  #head: UpstreamHead | undefined;
  #reader: AnswerReader | undefined;
  /** Chunks of an answer that is not begun yet. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #heldBytesMax = 0;
  #begun = false;
  /** The response and what followed it, while its record is on its way to the disk. */
  #unrecorded: Buffer[] | undefined;
  #endsOnceRecorded = false;
  #stallTimer: NodeJS.Timeout | undefined;
  #longTimer: NodeJS.Timeout | undefined;

  constructor(call: Admitted, endpoint: EndpointEntry, context: CallContext, parts: RelayParts) {
    this.#call = call;
    this.#endpoint = endpoint;
    this.#context = context;
    this.#parts = parts;
    this.#sentMs = parts.monotonicMs();
  }

  /** The exchange whose sink this is; called right after it was opened. */
  attach(exchange: UpstreamExchange): void {
    this.#exchange = exchange;
    if (this.#mode === 'ended') exchange.abort();
  }

  /** The client went away: also the upstream's leg ends. */
  clientClosed(): void {
    if (this.#mode === 'ended') return;
    this.#stop();
    this.#recordEnding('client_closed', 'DECISION_ALLOWED');
  }

  /** The node shuts down: the client is told by a regular end, so that it comes back elsewhere. */
  drain(): void {
    if (this.#mode === 'ended' || !isLongStream(this.#call.permit)) return;
    this.#stop();
    const ending = this.#ending('drained', 'DECISION_ALLOWED');
    this.#parts.finisher.finish(this.#context, ending, () => this.#context.reply.end());
  }

  onHead(head: UpstreamHead): void {
    if (this.#mode === 'ended') return;
    this.#head = head;
    this.#context.log.upstreamAnswered(this.#parts.monotonicMs() - this.#sentMs);
    const refused = refusedHead(head);
    if (refused !== undefined) {
      this.#fail(refused);
      return;
    }
    const { accepted } = this.#call.permit.routed.decoded.identified;
    const kind = answerKind(head, accepted.method);
    if (kind === 'unusable') {
      this.#fail(localReply('upstream_invalid', { detail: 'unexpected content type' }));
    } else if (kind === 'error') {
      this.#mode = 'error';
      this.#heldBytesMax = errorBytesMax;
    } else if (kind === 'empty') {
      this.#mode = 'empty';
    } else {
      this.#beginAnswer(head, kind);
    }
    if (kind !== 'error') this.#observe(true);
  }

  onData(chunk: Buffer): void {
    switch (this.#mode) {
      case 'error':
        this.#hold(chunk);
        return;
      case 'whole':
        this.#read(chunk, (piece) => this.#hold(piece));
        return;
      case 'streaming':
        this.#read(chunk, (piece) => this.#stream(piece));
        return;
      default:
        return;
    }
  }

  onEnd(): void {
    switch (this.#mode) {
      case 'error':
        this.#endError();
        return;
      case 'empty':
        this.#endEmpty();
        return;
      case 'whole':
        this.#endWhole();
        return;
      case 'streaming':
        if (this.#unrecorded === undefined) this.#endStream();
        else this.#endsOnceRecorded = true;
        return;
      default:
        return;
    }
  }

  onFailure(failure: UpstreamFailure): void {
    if (this.#mode === 'ended') return;
    if (this.#mode === 'waiting' && this.#parts.retry(failure)) {
      this.#mode = 'ended';
      return;
    }
    if (!this.#begun) {
      this.#fail(localReply(failure.reason));
      return;
    }
    this.#stop();
    const outcome = failure.reason === 'upstream_timeout' ? 'timeout' : 'upstream_closed';
    // What is begun can't be taken back: a cut connection says that it is not complete.
    const ending = { ...this.#ending(outcome, 'DECISION_FAILED'), reason: failure.reason };
    this.#parts.finisher.finish(this.#context, ending, () => this.#context.reply.destroy());
  }

  #beginAnswer(head: UpstreamHead, kind: 'json' | 'events'): void {
    this.#reader = new AnswerReader(this.#call, kind);
    const [message] = this.#call.permit.routed.decoded.messages;
    if (message?.kind === 'request' && message.method === 'initialize') {
      this.#mode = 'whole';
      this.#heldBytesMax = initializeBytesMax;
      return;
    }
    const length = Number(head.headers.get('content-length') ?? Number.NaN);
    if (kind === 'json' && length <= smallAnswerBytesMax) {
      this.#mode = 'whole';
      // Sealed values are longer than what they stand for.
      this.#heldBytesMax = smallAnswerBytesMax * 8;
      return;
    }
    this.#beginStream();
  }

  /** From here on, chunks go to the client as they come. */
  #beginStream(): void {
    const { reply, log } = this.#context;
    const status = this.#head?.status ?? 200;
    this.#mode = 'streaming';
    this.#begun = true;
    reply.onDrain(() => this.#drained());
    reply.begin(status, this.#answerHeaders());
    if (isLongStream(this.#call.permit)) {
      this.#parts.streams.add(this);
      log.start(status);
    } else {
      this.#longTimer = setTimeout(() => log.start(status), this.#parts.options.longStreamMs);
      this.#longTimer.unref();
    }
  }

  #answerHeaders(): Record<string, string> {
    const headers: Record<string, string> = { ...this.#context.facts.replyHeaders };
    const upstream = this.#head?.headers;
    const type = upstream?.get('content-type');
    if (type !== undefined) headers['Content-Type'] = type;
    if (type !== undefined && /^text\/event-stream/i.test(type)) {
      headers['Cache-Control'] = 'no-cache, no-transform';
      headers['X-Accel-Buffering'] = 'no';
    }
    const session = this.#sealedSession();
    if (session !== undefined) headers['Mcp-Session-Id'] = session;
    return headers;
  }

  /** An id is minted only where the upstream gave one, and only with the answer to a handshake. */
  #sealedSession(): string | undefined {
    const { decoded, server } = this.#call.permit.routed;
    const [message] = decoded.messages;
    const upstreamSession = this.#head?.headers.get('mcp-session-id');
    if (upstreamSession === undefined || message?.kind !== 'request') return undefined;
    if (message.method !== 'initialize' || decoded.era !== 'legacy') return undefined;
    const { accepted, principal } = decoded.identified;
    return sealSession(accepted.snapshot.sealKeys, principal.subject, server.id, {
      upstreamSession,
      endpointId: this.#endpoint.id,
      protocolVersion: this.#reader?.protocolVersion,
    });
  }

  #read(chunk: Buffer, pass: (piece: Buffer) => void): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    const piece = reader.write(chunk);
    if (!reader.overflowed) {
      if (piece.length > 0) pass(piece);
      return;
    }
    this.onFailure({ reason: 'upstream_too_large', nothingSent: false, detail: 'sealed value' });
  }

  #hold(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > this.#heldBytesMax) {
      this.#fail(localReply('upstream_too_large'));
      return;
    }
    const isStream = /^text\/event-stream/i.test(this.#head?.headers.get('content-type') ?? '');
    // The session id stands in the head, and needs the version that only the body names.
    if (this.#mode === 'whole' && isStream && this.#reader?.answered) {
      const held = Buffer.concat(this.#held);
      this.#held = [];
      this.#beginStream();
      this.#stream(held);
    }
  }

  #stream(piece: Buffer): void {
    if (this.#unrecorded !== undefined) {
      this.#unrecorded.push(piece);
      return;
    }
    const answered = this.#reader?.answered === true && !isLongStream(this.#call.permit);
    if (!answered || this.#context.log.finished) {
      this.#write(piece);
      return;
    }
    const ending = this.#ending('completed', 'DECISION_ALLOWED');
    const bytes = { ...ending, responseBytes: ending.responseBytes + piece.length };
    this.#unrecorded = [piece];
    if (this.#context.log.mustAudit) this.#exchange?.pause();
    // A client acts on the response as soon as it has it, not at the stream's end.
    this.#parts.finisher.finish(this.#context, bytes, () => this.#recorded());
  }

  /** The response is recorded: now it may be seen. */
  #recorded(): void {
    const pieces = this.#unrecorded ?? [];
    this.#unrecorded = undefined;
    for (const piece of pieces) this.#write(piece);
    if (this.#endsOnceRecorded) this.#endStream();
    else if (this.#stallTimer === undefined) this.#exchange?.resume();
  }

  #write(piece: Buffer): void {
    if (this.#context.reply.closed) return;
    if (this.#context.reply.write(piece)) return;
    this.#exchange?.pause();
    this.#stallTimer ??= setTimeout(() => this.#stalled(), this.#parts.options.stallTimeoutMs);
  }

  #drained(): void {
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
    this.#exchange?.resume();
  }

  #stalled(): void {
    if (this.#mode === 'ended') return;
    this.#stop();
    this.#recordEnding('timeout', 'DECISION_ALLOWED');
    this.#context.reply.destroy();
  }

  #endStream(): void {
    this.#release();
    const ending = this.#ending('completed', 'DECISION_ALLOWED');
    this.#parts.finisher.finish(this.#context, ending, () => this.#context.reply.end());
  }

  #endWhole(): void {
    this.#release();
    this.#send(this.#head?.status ?? 200, Buffer.concat(this.#held), this.#reader?.errorCode ?? 0);
  }

  #endEmpty(): void {
    this.#release();
    this.#send(this.#head?.status ?? 202, undefined, 0);
  }

  #send(status: number, body: Buffer | undefined, rpcErrorCode: number): void {
    const { reply } = this.#context;
    const ending: CallEnding = {
      ...this.#ending('completed', 'DECISION_ALLOWED'),
      httpStatus: status,
      rpcErrorCode,
      responseBytes: body?.length ?? 0,
    };
    const headers = body === undefined ? this.#bodilessHeaders() : this.#answerHeaders();
    this.#parts.finisher.finish(this.#context, ending, () => reply.send(status, headers, body));
  }

  #bodilessHeaders(): Readonly<Record<string, string>> {
    return this.#context.facts.replyHeaders ?? noHeaders;
  }

  /** An error is relayed only when an MCP server made it; anything else stays between it and us. */
  #endError(): void {
    const head = this.#head;
    if (head === undefined) return;
    const body = Buffer.concat(this.#held);
    const { session } = this.#call.permit.routed;
    const error = readRpcError(body);
    this.#observe(isModernError(error));
    if (session !== undefined && saysSessionUnknown(head.status, body)) {
      this.#fail(localReply('session_unknown'));
      return;
    }
    if (error === undefined) {
      this.#fail(replyForForeignError(head));
      return;
    }
    this.#release();
    this.#send(head.status, body, error.code);
  }

  #observe(served: boolean): void {
    const { era } = this.#call.permit.routed.decoded;
    if (era === 'modern') this.#parts.eras.observed(this.#endpoint, era, served);
  }

  #fail(reply: LocalReply): void {
    this.#stop();
    this.#parts.finisher.reply(this.#context, reply, true);
  }

  #ending(outcome: CallOutcome, decision: CallEnding['decision']): CallEnding {
    return {
      decision,
      reason: undefined,
      httpStatus: this.#begun ? (this.#head?.status ?? 0) : 0,
      rpcErrorCode: this.#reader?.errorCode ?? 0,
      responseBytes: this.#context.reply.bytesWritten,
      outcome,
    };
  }

  #recordEnding(outcome: CallOutcome, decision: CallEnding['decision']): void {
    this.#parts.finisher.finish(this.#context, this.#ending(outcome, decision), () => undefined);
  }

  /** Ends both legs' bookkeeping and the upstream's leg. */
  #stop(): void {
    this.#release();
    this.#exchange?.abort();
  }

  #release(): void {
    this.#mode = 'ended';
    clearTimeout(this.#stallTimer);
    clearTimeout(this.#longTimer);
    this.#parts.streams.delete(this);
  }
}
