import type { EndpointEntry } from '../snapshot/snapshot.ts';
import type {
  UpstreamExchange,
  UpstreamFailure,
  UpstreamHead,
  UpstreamSink,
} from '../upstream/upstream-transport.ts';
import { answerNarrowing } from './answer-narrowing.ts';
import { AnswerReader } from './answer-reader.ts';
import type { CallContext } from './call-finisher.ts';
import {
  EmptyAnswer,
  ErrorAnswer,
  smallAnswerBytesMax,
  WholeAnswer,
  type WholeReason,
} from './held-answer.ts';
import type { Admitted } from './limit.ts';
import { type LocalReply, localReply } from './local-reply.ts';
import type { OpenCall } from './open-calls.ts';
import { type Answer, notBegun, type RelayedCall, type RelayParts } from './relayed-call.ts';
import { StreamedAnswer } from './streamed-answer.ts';
import { answerKind, refusedHead } from './upstream-answer.ts';

/**
 * Carries one answer from the upstream to the client, in the form that its head asks for, and ends each
 * leg when the other one ends.
 *
 * In both eras a client that goes away closes the upstream's leg too. In the modern era that is the
 * cancellation; in the legacy era it is the same disconnect that a server behind no gateway would see, and
 * what lets it resume the stream when the client comes back.
 */
export class Relay implements UpstreamSink, RelayedCall, OpenCall {
  readonly call: Admitted;
  readonly endpoint: EndpointEntry;
  readonly context: CallContext;
  readonly parts: RelayParts;
  readonly #sentMs: number;
  #exchange: UpstreamExchange | undefined;
  /** Undefined: the upstream has not answered yet. */
  #answer: Answer | undefined;
  #over = false;

  constructor(call: Admitted, endpoint: EndpointEntry, context: CallContext, parts: RelayParts) {
    this.call = call;
    this.endpoint = endpoint;
    this.context = context;
    this.parts = parts;
    this.#sentMs = parts.monotonicMs();
  }

  /** The exchange whose sink this is; called right after it was opened. */
  attach(exchange: UpstreamExchange): void {
    this.#exchange = exchange;
    if (this.#over) exchange.abort();
  }

  /** The client went away: also the upstream's leg ends. */
  clientClosed(): void {
    if (this.#over) return;
    const { finisher } = this.parts;
    const ending = {
      ...(this.#answer?.progress ?? notBegun),
      decision: 'DECISION_ALLOWED',
      reason: undefined,
      responseBytes: this.context.reply.bytesWritten,
      outcome: 'client_closed',
    } as const;
    this.stop();
    finisher.finish(this.context, ending, () => undefined);
  }

  onHead(head: UpstreamHead): void {
    if (this.#over) return;
    this.context.log.upstreamAnswered(this.parts.monotonicMs() - this.#sentMs);
    const refused = refusedHead(head);
    if (refused === undefined) this.#begin(head);
    else this.fail(refused);
  }

  onData(chunk: Buffer): void {
    if (!this.#over) this.#answer?.write(chunk);
  }

  onEnd(): void {
    if (!this.#over) this.#answer?.end();
  }

  onFailure(failure: UpstreamFailure): void {
    if (this.#over) return;
    this.#log(failure);
    if (this.#answer !== undefined) this.#answer.broke(failure);
    else if (this.parts.retry(failure)) this.#handedOn();
    else if (failure.refused) this.#refuse(localReply(failure.reason));
    else this.fail(localReply(failure.reason));
  }

  pause(): void {
    this.#exchange?.pause();
  }

  resume(): void {
    this.#exchange?.resume();
  }

  become(answer: Answer): void {
    this.#answer = answer;
  }

  /** The caller's credential, or what it was for, has ended: the upstream need not work on. */
  withdraw(reply: LocalReply): void {
    if (this.#over) return;
    if (this.#answer === undefined) {
      this.parts.cancel();
      this.fail(reply);
    } else {
      this.#answer.withdraw(reply);
    }
  }

  release(): void {
    this.#over = true;
    this.parts.openCalls.delete(this);
    this.#answer?.release();
  }

  stop(): void {
    this.release();
    this.#exchange?.abort();
  }

  fail(reply: LocalReply): void {
    this.stop();
    this.parts.finisher.reply(this.context, reply, true);
  }

  /** It was the caller's fault: nothing of it has reached a server. */
  #refuse(reply: LocalReply): void {
    this.stop();
    this.parts.finisher.reply(this.context, reply, false);
  }

  #handedOn(): void {
    this.#over = true;
    this.parts.openCalls.delete(this);
  }

  /** What a client is never shown, such as addresses behind the gateway. */
  #log({ reason, detail }: UpstreamFailure): void {
    const { traceId, serverId } = this.context.facts;
    const endpointId = this.endpoint.id;
    this.parts.logger.info({ reason, detail, serverId, endpointId, traceId }, 'upstream failed');
  }

  #begin(head: UpstreamHead): void {
    const { decoded } = this.call.permit.routed;
    const kind = answerKind(head, decoded.identified.accepted.method);
    if (kind === 'error') {
      this.#answer = new ErrorAnswer(this, head);
      return;
    }
    if (decoded.era === 'modern') this.parts.eras.observed(this.endpoint, decoded.era, true);
    if (kind === 'unusable') {
      this.fail(localReply('upstream_invalid', { detail: 'unexpected content type' }));
    } else if (kind === 'empty') {
      this.#answer = new EmptyAnswer(this, head);
    } else {
      this.#beginMessages(head, kind);
    }
  }

  #beginMessages(head: UpstreamHead, kind: 'json' | 'events'): void {
    const narrowing = answerNarrowing(this.call, kind, this.parts);
    const reader = new AnswerReader(this.call, kind, narrowing);
    const [message] = this.call.permit.routed.decoded.messages;
    const handshake = message?.kind === 'request' && message.method === 'initialize';
    const length = Number(head.headers.get('content-length') ?? Number.NaN);
    const whole = wholeReason(handshake, kind === 'json', reader, length);
    if (whole === undefined) StreamedAnswer.begin(this, head, reader);
    else this.#answer = new WholeAnswer(this, head, reader, whole);
  }
}

/** Undefined: the answer leaves as it comes. */
function wholeReason(
  isHandshake: boolean,
  isJson: boolean,
  reader: AnswerReader,
  length: number,
): WholeReason | undefined {
  if (isHandshake) return 'handshake';
  if (isJson && reader.narrows) return 'narrowed';
  return isJson && length <= smallAnswerBytesMax ? 'small' : undefined;
}
