import { isRecord } from '../mcp/message.ts';
import type { UpstreamHead } from '../upstream/upstream-transport.ts';
import { type LocalReply, localReply } from './local-reply.ts';

/** What kind of body an upstream's answer has. */
export type AnswerKind = 'empty' | 'json' | 'events' | 'error' | 'unusable';

function mediaType(head: UpstreamHead): string {
  return (head.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function successKind(head: UpstreamHead, httpMethod: string): AnswerKind {
  const type = mediaType(head);
  if (httpMethod === 'DELETE' || head.status === 202 || head.status === 204) return 'empty';
  if (type === 'text/event-stream') return 'events';
  if (httpMethod === 'GET') return 'unusable';
  if (type === 'application/json') return 'json';
  return head.headers.get('content-length') === '0' ? 'empty' : 'unusable';
}

export function answerKind(head: UpstreamHead, httpMethod: string): AnswerKind {
  return head.status >= 400 ? 'error' : successKind(head, httpMethod);
}

/** What an upstream says to the gateway itself, never to its client. */
export function refusedHead(head: UpstreamHead): LocalReply | undefined {
  const { status } = head;
  if (status === 401 || status === 403 || status === 407) {
    return localReply('upstream_unauthorized');
  }
  if (status >= 300 && status < 400) return localReply('upstream_redirected');
  return status < 200 ? localReply('upstream_invalid') : undefined;
}

interface RpcError {
  readonly code: number;
  readonly message: string;
}

/** The JSON-RPC error in a body, or undefined when it is none. */
export function readRpcError(body: Buffer): RpcError | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value['jsonrpc'] !== '2.0' || !isRecord(value['error'])) return undefined;
  const { code, message } = value['error'];
  return typeof code === 'number' ? { code, message: String(message ?? '') } : undefined;
}

/** Error codes that only a server of the modern era gives. */
export function isModernError(error: RpcError | undefined): boolean {
  if (error === undefined) return false;
  return (error.code <= -32020 && error.code >= -32022) || error.code === -32601;
}

/**
 * Whether an error says that the upstream has forgotten the session. The specification asks for 404, but
 * servers in use answer 400 and say it in words; a client begins anew only at 404.
 */
export function saysSessionUnknown(status: number, body: Buffer): boolean {
  if (status === 404) return true;
  if (status !== 400) return false;
  const text = readRpcError(body)?.message ?? body.toString('utf8');
  return /\bsession\b|not initialized/i.test(text);
}

/**
 * What an error answer becomes that is no JSON-RPC message, and so was not made by an MCP server but by
 * something in front of it.
 */
export function replyForForeignError(head: UpstreamHead): LocalReply {
  const { status } = head;
  if (status === 405) {
    const allow = head.headers.get('allow');
    return localReply('method_not_allowed', { headers: { Allow: allow ?? 'POST' } });
  }
  const retryAfter = head.headers.get('retry-after');
  const headers = retryAfter === undefined ? {} : { 'Retry-After': retryAfter };
  return localReply('upstream_failed', { detail: `it answered ${status}`, headers });
}
