import type { Logger } from '../../common/logging.ts';
import type { CallRecorder } from '../events/call-recorder.ts';
import type { CallFacts } from './call-facts.ts';
import type { Reply } from './client-exchange.ts';
import {
  type LocalReply,
  localReply,
  localReplyBody,
  replyErrorCode,
  replyStatus,
} from './local-reply.ts';
import type { CallEnding, CallLog } from './record.ts';

/** What an exchange is ended with; made once for each. */
export interface CallContext {
  readonly facts: CallFacts;
  readonly reply: Reply;
  readonly log: CallLog;
}

/**
 * Ends exchanges in the one right order: the record reaches the kernel, and for an organization that must
 * be audited the disk, before the last byte of the answer leaves.
 */
export class CallFinisher {
  readonly #recorder: CallRecorder;
  readonly #logger: Logger;

  constructor(recorder: CallRecorder, logger: Logger) {
    this.#recorder = recorder;
    this.#logger = logger;
  }

  /** Records the ending, then does what makes the client see it. */
  finish(context: CallContext, ending: CallEnding, thenAnswer: () => void): void {
    const { log } = context;
    if (log.finished) {
      thenAnswer();
      return;
    }
    log.finish(ending);
    if (!log.mustAudit) {
      thenAnswer();
      return;
    }
    this.#recorder.flushed().then(thenAnswer, (error: unknown) => {
      this.#logger.error({ error, traceId: context.facts.traceId }, 'record not on disk');
      this.#withdraw(context);
    });
  }

  /** Answers by ourselves; `failed` says that the call had been allowed. */
  reply(context: CallContext, reply: LocalReply, failed: boolean): void {
    const body = localReplyBody(reply, context.facts);
    const ending: CallEnding = {
      decision: failed ? 'DECISION_FAILED' : 'DECISION_REFUSED',
      reason: reply.reason,
      httpStatus: replyStatus(reply),
      rpcErrorCode: replyErrorCode(reply),
      responseBytes: body.length,
      outcome: reply.reason === 'upstream_timeout' ? 'timeout' : 'completed',
    };
    this.finish(context, ending, () => sendLocal(context, reply, body));
  }

  /** The client went away before anything could be decided. */
  abandon({ log }: CallContext): void {
    log.finish({
      decision: 'DECISION_REFUSED',
      reason: undefined,
      httpStatus: 0,
      rpcErrorCode: 0,
      responseBytes: 0,
      outcome: 'client_closed',
    });
  }

  /** An answer whose record can't be kept is not given. */
  #withdraw(context: CallContext): void {
    const { reply } = context;
    if (reply.bytesWritten > 0) {
      reply.destroy();
      return;
    }
    const refusal = localReply('record_unavailable');
    sendLocal(context, refusal, localReplyBody(refusal, context.facts));
  }
}

function sendLocal({ facts, reply }: CallContext, local: LocalReply, body: Buffer): void {
  if (reply.closed) return;
  const headers = {
    'Content-Type': 'application/json',
    ...facts.replyHeaders,
    ...local.headers,
  };
  reply.send(replyStatus(local), headers, body);
}
