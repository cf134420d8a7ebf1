import { randomBytes } from 'node:crypto';
import fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import type { Logger } from '../../common/logging.ts';
import { type ErrorCode, errorCodes } from './errors.ts';

export interface HttpServerOptions {
  readonly logger: Logger;
  readonly registry: Registry;
  readonly bodyBytesMax: number;
  readonly requestTimeoutMs: number;
  /** Whether this replica can do its work. */
  readonly isHealthy: () => boolean;
}

/** A W3C trace id. */
export function newTraceId(): string {
  return randomBytes(16).toString('hex');
}

const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

/** The trace that a request belongs to (W3C Trace Context), or a new one. */
export function traceIdOf(request: FastifyRequest): string {
  const { traceparent: header } = request.headers;
  const traceId = typeof header === 'string' ? traceparent.exec(header)?.[1] : undefined;
  return traceId === undefined || /^0+$/.test(traceId) ? newTraceId() : traceId;
}

/** An answer without data, in GraphQL's form, for what never got as far as GraphQL. */
export function refusal(code: ErrorCode, message: string = errorCodes[code], details = {}): object {
  return { errors: [{ message, extensions: { ...details, code } }] };
}

function codeOf(error: FastifyError): ErrorCode {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return 'BODY_TOO_LARGE';
  return (error.statusCode ?? 500) < 500 ? 'BAD_REQUEST' : 'INTERNAL';
}

/** The HTTP server of the API with `/health` and `/metrics`; routes of GraphQL are added by the caller. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { logger, registry } = options;
  const server = fastify({
    logger: false,
    bodyLimit: options.bodyBytesMax,
    requestTimeout: options.requestTimeoutMs,
    // A request in work gets its answer; the caller bounds how long that may take.
    forceCloseConnections: 'idle',
  });
  // Only JSON: a form or plain text is what a page of another origin can send without asking (CSRF).
  server.removeContentTypeParser('text/plain');

  // What was in work when the server began to close keeps its connection open after its answer, and
  // closing would wait for that until the drain ends.
  let closing = false;
  server.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  server.addHook('onResponse', (_request, _reply, done) => {
    if (closing) setImmediate(() => server.server.closeIdleConnections());
    done();
  });

  server.setErrorHandler<FastifyError>((error, request, reply) => {
    const code = codeOf(error);
    if (code !== 'INTERNAL') return reply.code(error.statusCode ?? 400).send(refusal(code));
    const traceId = traceIdOf(request);
    logger.error({ err: error, traceId }, 'a request failed');
    return reply.code(500).send(refusal('INTERNAL', errorCodes.INTERNAL, { traceId }));
  });
  server.setNotFoundHandler((_request, reply) =>
    reply.code(404).send(refusal('NOT_FOUND', 'GraphQL is served by POST at /graphql.')),
  );

  server.get('/health', (_request, reply) => {
    const healthy = options.isHealthy();
    return reply.code(healthy ? 200 : 503).send({ status: healthy ? 'ok' : 'unavailable' });
  });
  server.get('/metrics', async (_request, reply) =>
    reply.header('content-type', registry.contentType).send(await registry.metrics()),
  );
  return server;
}
