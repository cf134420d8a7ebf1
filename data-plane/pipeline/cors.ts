import type { ReplyHeaders } from './client-exchange.ts';
import type { RequestHeaders } from './request-headers.ts';

const allowedHeaders: ReadonlySet<string> = new Set([
  'authorization',
  'content-type',
  'mcp-session-id',
  'mcp-protocol-version',
  'last-event-id',
  'mcp-method',
  'mcp-name',
]);

const exposedHeaders = 'Mcp-Session-Id, WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy';

/** How long a browser may keep a preflight's answer, in seconds. */
const preflightAgeSeconds = '600';

const noHeaders: ReplyHeaders = {};

/** Headers that let an allowed origin read a reply, errors included. */
export function corsHeaders(origin: string | undefined): ReplyHeaders {
  if (origin === undefined) return noHeaders;
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Expose-Headers': exposedHeaders,
    Vary: 'Origin',
  };
}

/** Those of the asked-for request headers that may be sent. */
function grantedHeaders(requested: string | undefined): string {
  if (requested === undefined) return '';
  return requested
    .split(',')
    .map((name) => name.trim())
    .filter((name) => /^mcp-param-[\w-]+$/i.test(name) || allowedHeaders.has(name.toLowerCase()))
    .join(', ');
}

/** Answer to a preflight: it carries no credential, so that it comes before identify. */
export function preflightHeaders(headers: RequestHeaders): ReplyHeaders {
  return {
    ...corsHeaders(headers.origin),
    Vary: 'Origin, Access-Control-Request-Headers',
    'Access-Control-Allow-Methods': 'GET, POST, DELETE',
    'Access-Control-Allow-Headers': grantedHeaders(headers.requestedHeaders),
    'Access-Control-Max-Age': preflightAgeSeconds,
  };
}
