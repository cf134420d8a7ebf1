import { errors } from 'undici';
import type { UpstreamFailure } from './upstream-transport.ts';

type FailureReason = UpstreamFailure['reason'];

/** Errors of undici and of Node's sockets that say more than "the connection broke". */
const reasonsByCode: Readonly<Record<string, FailureReason>> = {
  UND_ERR_HEADERS_OVERFLOW: 'upstream_too_large',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'upstream_too_large',
  UND_ERR_BODY_TIMEOUT: 'upstream_timeout',
  UND_ERR_HEADERS_TIMEOUT: 'upstream_timeout',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'upstream_closed',
};

/**
 * What a failed exchange means to its caller.
 *
 * @param sent whether the request had been handed to a connection; from then on nobody can know how
 *   much of it the endpoint has seen.
 */
export function upstreamFailure(error: Error, sent: boolean): UpstreamFailure {
  const detail = describe(error);
  if (!sent) return { reason: 'upstream_connect_failed', nothingSent: true, detail };
  if (error instanceof errors.HTTPParserError) {
    return { reason: 'upstream_invalid', nothingSent: false, detail };
  }
  const code = codeOf(error);
  const reason = code === undefined ? undefined : reasonsByCode[code];
  return { reason: reason ?? 'upstream_closed', nothingSent: false, detail };
}

function codeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

function describe(error: Error): string {
  const code = codeOf(error);
  // Node tries every address of a name and wraps the errors of all of them without a message.
  const message =
    error instanceof AggregateError
      ? error.errors.map((each: unknown) => String(each)).join('; ')
      : error.message;
  return code === undefined ? message : `${code}: ${message}`;
}
