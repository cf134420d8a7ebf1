import { type ReasonCode, reasons } from '../../common/reasons.ts';
import { findSpan } from '../mcp/json-span.ts';
import type { CallFacts } from './call-facts.ts';
import type { ReplyHeaders } from './client-exchange.ts';

/** An answer that is made here instead of being relayed. */
export interface LocalReply {
  readonly kind: 'local-reply';
  readonly reason: ReasonCode;
  /** Which field or value it is about; shown to the caller. */
  readonly detail: string | undefined;
  readonly headers: ReplyHeaders;
  /** Further members of the error's `data`. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Said instead of the reason's own sentence; undefined: that one. */
  readonly message: string | undefined;
  readonly form: ReplyForm;
}

/**
 * How a reply looks to the client.
 *
 * - `http-status`: the reason's status, with a JSON-RPC error as body
 * - `json-rpc-error`: 200 with that error
 * - `tool-result`: 200 with a tool's result that says `isError`
 */
export type ReplyForm = 'http-status' | 'json-rpc-error' | 'tool-result';

interface LocalReplyExtras {
  readonly detail?: string | undefined;
  readonly headers?: ReplyHeaders;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly message?: string;
  readonly form?: ReplyForm;
}

const none = {};

/** What a stage returns when the call goes no further. */
export function localReply(reason: ReasonCode, extras: LocalReplyExtras = none): LocalReply {
  const { detail, headers = none, data = none, message, form = 'http-status' } = extras;
  return { kind: 'local-reply', reason, detail, headers, data, message, form };
}

export function isLocalReply(value: object): value is LocalReply {
  return 'kind' in value && value.kind === 'local-reply';
}

/** The id's own text: a number of many digits would not survive being parsed. */
export function requestIdText(facts: CallFacts): string {
  const { document, messages, requestId } = facts;
  if (requestId !== undefined) return requestId;
  const [message] = messages;
  if (document === undefined || messages.length !== 1 || message?.kind !== 'request') return 'null';
  const { id } = message;
  if (typeof id === 'string' || Number.isSafeInteger(id)) return JSON.stringify(id);
  const span = findSpan(document.text, ['id']);
  return span === undefined ? 'null' : document.text.slice(span.start, span.end);
}

/** Status of the HTTP response that a reply goes out with. */
export function replyStatus({ reason, form }: LocalReply): number {
  return form === 'http-status' ? reasons[reason].httpStatus : 200;
}

/** The JSON-RPC error code in a reply; 0: it holds none. */
export function replyErrorCode({ reason, form }: LocalReply): number {
  return form === 'tool-result' ? 0 : reasons[reason].rpcCode;
}

/** What happened, in a sentence for people. */
function sentence({ reason, detail, message }: LocalReply): string {
  const text = message ?? reasons[reason].message;
  return detail === undefined ? text : `${text} (${detail})`;
}

/** By what name the data of a refusal stands in a tool's result [2026-07-28/basic, "_meta"]. */
const refusalKey = 'mcpgw/refusal';

/** The member of a JSON-RPC response that says what became of the request. */
function outcome(reply: LocalReply, facts: CallFacts): string {
  const { rpcCode, remedy } = reasons[reply.reason];
  const data = { ...reply.data, reason: reply.reason, remedy, traceId: facts.traceId };
  const message = sentence(reply);
  if (reply.form !== 'tool-result') {
    return `"error":${JSON.stringify({ code: rpcCode, message, data })}`;
  }
  const result = {
    ...(facts.era === 'modern' ? { resultType: 'complete' } : {}),
    content: [{ type: 'text', text: `${message} ${remedy}` }],
    isError: true,
    _meta: { [refusalKey]: data },
  };
  return `"result":${JSON.stringify(result)}`;
}

/** A batch is answered with 200 by one response for each of its requests: a client waits for each. */
function batchBody(reply: LocalReply, facts: CallFacts): string {
  const said = outcome(reply, facts);
  const responses = facts.messages.flatMap((message) =>
    message.kind === 'request'
      ? [`{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},${said}}`]
      : [],
  );
  return `[${responses.join()}]`;
}

/** Body of a local reply: the request's id, the reason and what to do about it. */
export function localReplyBody(reply: LocalReply, facts: CallFacts): Buffer {
  const body =
    reply.form !== 'http-status' && Array.isArray(facts.document?.value)
      ? batchBody(reply, facts)
      : `{"jsonrpc":"2.0","id":${requestIdText(facts)},${outcome(reply, facts)}}`;
  return Buffer.from(body, 'utf8');
}
