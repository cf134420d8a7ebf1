import type { Duplex } from 'node:stream';
import { type ReasonCode, reasons } from '../../common/reasons.ts';

const reasonByCode: Readonly<Record<string, ReasonCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'body_timeout',
};

const statusText: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
};

/** Which reason a request has that node:http's parser gave up on. */
export function reasonOfClientError(error: NodeJS.ErrnoException): ReasonCode {
  return reasonByCode[error.code ?? ''] ?? 'request_malformed';
}

/**
 * Answers on a socket that has no request, and closes it: at once when the client does, else after
 * `lingerTimeoutMs`. Until then what it still sends is thrown away, for closing on unread data would reset
 * the connection before the answer is read.
 */
export function answerOnSocket(
  socket: Duplex,
  reason: ReasonCode,
  traceId: string,
  lingerTimeoutMs: number,
): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const row = reasons[reason];
  const data = { reason, remedy: row.remedy, traceId };
  const error = { code: row.rpcCode, message: row.message, data };
  const body = JSON.stringify({ jsonrpc: '2.0', id: null, error });
  const head = [
    `HTTP/1.1 ${row.httpStatus} ${statusText[row.httpStatus] ?? 'Error'}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  const timer = setTimeout(() => socket.destroy(), lingerTimeoutMs);
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => socket.destroy());
  socket.on('data', () => undefined);
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
