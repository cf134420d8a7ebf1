import type { UpstreamFailure, UpstreamHead } from '../upstream/upstream-transport.ts';
import { answerHeaders, noHandshake } from './answer-headers.ts';
import type { AnswerReader } from './answer-reader.ts';
import { type LocalReply, localReply } from './local-reply.ts';
import { type Answer, type AnswerProgress, notBegun, type RelayedCall } from './relayed-call.ts';
import { StreamedAnswer } from './streamed-answer.ts';
import {
  isModernError,
  readRpcError,
  replyForForeignError,
  saysSessionUnknown,
} from './upstream-answer.ts';

/** Largest error, and largest handshake, that is read as a whole, in bytes. */
const errorBytesMax = 65_536;
const initializeBytesMax = 1_048_576;
/** Largest answer with lists that are narrowed for their caller, in bytes. */
const narrowedBytesMax = 8_388_608;
/** An answer of known length up to this is sent in one piece, in bytes. */
export const smallAnswerBytesMax = 16_384;

function sendWhole(
  { context, parts }: RelayedCall,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Buffer | undefined,
  rpcErrorCode: number,
): void {
  const ending = {
    decision: 'DECISION_ALLOWED',
    reason: undefined,
    httpStatus: status,
    rpcErrorCode,
    responseBytes: body?.length ?? 0,
    outcome: 'completed',
  } as const;
  parts.finisher.finish(context, ending, () => context.reply.send(status, headers, body));
}

/** An answer without a body: what a notification gets, or a DELETE. */
export class EmptyAnswer implements Answer {
  readonly progress: AnswerProgress = notBegun;
  readonly #relayed: RelayedCall;
  readonly #head: UpstreamHead;

  constructor(relayed: RelayedCall, head: UpstreamHead) {
    this.#relayed = relayed;
    this.#head = head;
  }

  write(): void {}

  end(): void {
    this.#relayed.release();
    const { replyHeaders } = this.#relayed.context.facts;
    sendWhole(this.#relayed, this.#head.status, replyHeaders, undefined, 0);
  }

  broke({ reason }: UpstreamFailure): void {
    this.#relayed.fail(localReply(reason));
  }

  withdraw(reply: LocalReply): void {
    this.#relayed.parts.cancel();
    this.#relayed.fail(reply);
  }

  release(): void {}
}

/** Chunks of an answer that is not begun yet, up to a bound. */
class HeldBytes {
  readonly #relayed: RelayedCall;
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(relayed: RelayedCall, bytesMax: number) {
    this.#relayed = relayed;
    this.#bytesMax = bytesMax;
  }

  /** False: it was one too many, and the call has failed. */
  add(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#bytesMax) return true;
    this.#relayed.fail(localReply('upstream_too_large'));
    return false;
  }

  take(): Buffer {
    const bytes = Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [];
    return bytes;
  }
}

/** An error is relayed only when an MCP server made it; anything else stays between it and us. */
export class ErrorAnswer implements Answer {
  readonly progress: AnswerProgress = notBegun;
  readonly #relayed: RelayedCall;
  readonly #head: UpstreamHead;
  readonly #held: HeldBytes;

  constructor(relayed: RelayedCall, head: UpstreamHead) {
    this.#relayed = relayed;
    this.#head = head;
    this.#held = new HeldBytes(relayed, errorBytesMax);
  }

  write(chunk: Buffer): void {
    this.#held.add(chunk);
  }

  end(): void {
    const { call, endpoint, parts } = this.#relayed;
    const head = this.#head;
    const body = this.#held.take();
    const { session, decoded } = call.permit.routed;
    const error = readRpcError(body);
    if (decoded.era === 'modern') {
      parts.eras.observed(endpoint, decoded.era, isModernError(error));
    }
    if (session !== undefined && saysSessionUnknown(head.status, body)) {
      this.#relayed.fail(localReply('session_unknown'));
    } else if (error === undefined) {
      this.#relayed.fail(replyForForeignError(head));
    } else {
      this.#relayed.release();
      const headers = answerHeaders(this.#relayed, head, noHandshake);
      sendWhole(this.#relayed, head.status, headers, body, error.code);
    }
  }

  broke({ reason }: UpstreamFailure): void {
    this.#relayed.fail(localReply(reason));
  }

  withdraw(reply: LocalReply): void {
    this.#relayed.parts.cancel();
    this.#relayed.fail(reply);
  }

  release(): void {}
}

/** Why an answer is held until it is whole. */
export type WholeReason = 'handshake' | 'narrowed' | 'small';

const wholeBytesMax: Readonly<Record<WholeReason, number>> = {
  handshake: initializeBytesMax,
  narrowed: narrowedBytesMax,
  // Sealed values are longer than what they stand for.
  small: smallAnswerBytesMax * 8,
};

/**
 * An answer that leaves in one piece: one so small that it costs nothing to hold; that of a handshake, since
 * the session id stands in the head and needs the version that only the body names; or a list that is
 * narrowed, for what can't be read in it has to be refused as a whole.
 */
export class WholeAnswer implements Answer {
  readonly progress: AnswerProgress = notBegun;
  readonly #relayed: RelayedCall;
  readonly #head: UpstreamHead;
  readonly #reader: AnswerReader;
  readonly #held: HeldBytes;

  constructor(relayed: RelayedCall, head: UpstreamHead, reader: AnswerReader, reason: WholeReason) {
    this.#relayed = relayed;
    this.#head = head;
    this.#reader = reader;
    this.#held = new HeldBytes(relayed, wholeBytesMax[reason]);
  }

  write(chunk: Buffer): void {
    const reader = this.#reader;
    const piece = reader.write(chunk);
    if (reader.failure !== undefined) {
      this.#relayed.fail(localReply(reader.failure));
    } else if (this.#held.add(piece) && reader.answered) {
      // Only events say that they are complete before they end, and they may go on.
      StreamedAnswer.begin(this.#relayed, this.#head, reader).pass(this.#held.take());
    }
  }

  end(): void {
    this.#reader.end();
    const { handshake, errorCode, failure } = this.#reader;
    if (failure !== undefined) {
      this.#relayed.fail(localReply(failure));
      return;
    }
    this.#relayed.release();
    const headers = answerHeaders(this.#relayed, this.#head, handshake);
    sendWhole(this.#relayed, this.#head.status, headers, this.#held.take(), errorCode);
  }

  broke({ reason }: UpstreamFailure): void {
    this.#relayed.fail(localReply(reason));
  }

  withdraw(reply: LocalReply): void {
    this.#relayed.parts.cancel();
    this.#relayed.fail(reply);
  }

  release(): void {}
}
