import { type ReasonCode, reasons } from '../../../common/reasons.ts';
import type { ReplyStream } from './reply-stream.ts';

/** Where a legacy Streamable HTTP server has no such session, request or stream. */
export type MissingPart = Extract<
  ReasonCode,
  | 'session_required'
  | 'session_unknown'
  | 'message_invalid'
  | 'request_id_in_use'
  | 'stream_already_open'
>;

/** Answers in the upstream's place, after the call that opened the exchange has returned. */
export function replyLocally(reply: ReplyStream, reason: MissingPart): void {
  const { httpStatus, rpcCode, message, remedy } = reasons[reason];
  const error = { code: rpcCode, message, data: { reason, remedy } };
  queueMicrotask(() => {
    reply.head({ status: httpStatus, headers: new Map([['content-type', 'application/json']]) });
    reply.write(Buffer.from(JSON.stringify({ jsonrpc: '2.0', error, id: null })));
    reply.end();
  });
}
