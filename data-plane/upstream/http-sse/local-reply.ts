import type { ReplyStream } from './reply-stream.ts';

/** What a legacy Streamable HTTP server says where it has no such session, request or stream. */
const rows = {
  session_required: [400, -32000, 'Bad Request: Mcp-Session-Id header is required'],
  session_unknown: [404, -32001, 'Session not found'],
  message_invalid: [400, -32600, 'Invalid Request: one JSON-RPC message is required'],
  id_in_use: [400, -32600, 'Invalid Request: a request with this id is open already'],
  listener_open: [409, -32000, 'Conflict: Only one SSE stream is allowed per session'],
} as const;

/** Answers in the upstream's place, after the call that opened the exchange has returned. */
export function replyLocally(reply: ReplyStream, reason: keyof typeof rows): void {
  const [status, code, message] = rows[reason];
  queueMicrotask(() => {
    reply.head({ status, headers: new Map([['content-type', 'application/json']]) });
    reply.write(
      Buffer.from(JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null })),
    );
    reply.end();
  });
}
