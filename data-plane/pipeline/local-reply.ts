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
  /** Further members of the error's `data`, where the specification names some. */
  readonly data: Readonly<Record<string, unknown>>;
}

interface LocalReplyExtras {
  readonly detail?: string;
  readonly headers?: ReplyHeaders;
  readonly data?: Readonly<Record<string, unknown>>;
}

const none = {};

/** What a stage returns when the call goes no further. */
export function localReply(reason: ReasonCode, extras: LocalReplyExtras = none): LocalReply {
  const { detail, headers = none, data = none } = extras;
  return { kind: 'local-reply', reason, detail, headers, data };
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

/** Body of a local reply: a JSON-RPC error with the request's id, the reason and what to do about it. */
export function localReplyBody(reply: LocalReply, facts: CallFacts): Buffer {
  const row = reasons[reply.reason];
  const message = reply.detail === undefined ? row.message : `${row.message} (${reply.detail})`;
  const data = { ...reply.data, reason: reply.reason, remedy: row.remedy, traceId: facts.traceId };
  const error = JSON.stringify({ code: row.rpcCode, message, data });
  return Buffer.from(`{"jsonrpc":"2.0","id":${requestIdText(facts)},"error":${error}}`, 'utf8');
}
