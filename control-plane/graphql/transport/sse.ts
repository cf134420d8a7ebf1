import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ExecutionResult, GraphQLError, subscribe } from 'graphql';
import type { Logger } from '../../../common/logging.ts';
import { authenticate, createContext } from '../context.ts';
import { ApiError, presentError } from '../errors.ts';
import {
  OperationRefused,
  prepareSubscription,
  type SubscriptionRequest,
} from '../subscription-operation.ts';
import type { TransportOptions } from './transport-options.ts';

export interface SseOptions extends TransportOptions {
  /** A comment goes out this often, so that intermediaries keep the stream open. */
  readonly pingIntervalMs: number;
  readonly traceIdOf: (request: FastifyRequest) => string;
}

/** An event in the distinct-connections mode of the graphql-sse protocol. */
function frame(event: 'next' | 'complete', data?: unknown): string {
  return `event: ${event}\ndata: ${data === undefined ? '' : JSON.stringify(data)}\n\n`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function requestOf(body: unknown): SubscriptionRequest {
  if (!isRecord(body)) {
    throw new OperationRefused([new ApiError('BAD_REQUEST', 'The body is no GraphQL request.')]);
  }
  const { query, documentId, extensions, operationName, variables } = body;
  return {
    ...{ query, documentId, extensions },
    ...(typeof operationName === 'string' && { operationName }),
    ...(isRecord(variables) && { variables }),
  };
}

function presented(errors: readonly GraphQLError[], logger: Logger, traceId: string) {
  return errors.map((error) => presentError(error.toJSON(), error, logger, traceId));
}

/** Writes, and resolves once there is room for more: a slow client slows its own stream, and no queue grows. */
async function write(response: ServerResponse, text: string): Promise<void> {
  if (response.destroyed || response.write(text)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

function asGraphqlError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
}

async function relay(
  response: ServerResponse,
  events: AsyncIterable<ExecutionResult>,
  present: (errors: readonly GraphQLError[]) => object,
): Promise<void> {
  try {
    for await (const result of events) {
      const shown = result.errors ? { ...result, errors: present(result.errors) } : result;
      await write(response, frame('next', shown));
    }
  } catch (error) {
    await write(response, frame('next', { errors: present([asGraphqlError(error)]) }));
  }
}

/** Open streams, so that a server that closes can end them. */
export interface SseEndpoint {
  handle(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  close(): Promise<void>;
}

/**
 * Serves subscriptions over server-sent events at POST `/graphql/stream`: one stream for each subscription
 * (graphql-sse, distinct connections mode).
 */
export function createSseEndpoint(options: SseOptions): SseEndpoint {
  const { services, tokens, rules, logger } = options;
  const streams = new Map<ServerResponse, { end: () => void; ended: Promise<void> }>();

  async function stream(
    reply: FastifyReply,
    events: AsyncGenerator<ExecutionResult>,
    traceId: string,
  ): Promise<void> {
    reply.hijack();
    const response = reply.raw;
    const end = () => {
      events.return(undefined).catch((error: unknown) => {
        logger.error({ err: error, traceId }, 'a subscription could not end');
      });
    };
    response.on('close', end);
    response.on('error', end);
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    response.write(':\n\n');
    const ping = setInterval(() => {
      // With data still waiting the stream is alive, and a ping would only add to it.
      if (response.writableLength === 0) response.write(':\n\n');
    }, options.pingIntervalMs);
    const ended = relay(response, events, (errors) => presented(errors, logger, traceId))
      .then(() => write(response, frame('complete')))
      .finally(() => {
        clearInterval(ping);
        streams.delete(response);
        response.end();
      });
    streams.set(response, { end, ended });
    await ended;
  }

  /**
   * Inside a stream when the client reads one, as the protocol asks: such a client shows no other body.
   * Else as an ordinary reply with status 400.
   */
  function refuse(
    request: FastifyRequest,
    reply: FastifyReply,
    errors: readonly GraphQLError[],
  ): void {
    const shown = { errors: presented(errors, logger, options.traceIdOf(request)) };
    if (request.headers.accept?.includes('text/event-stream')) {
      reply
        .header('content-type', 'text/event-stream; charset=utf-8')
        .header('cache-control', 'no-cache, no-transform')
        .send(frame('next', shown) + frame('complete'));
      return;
    }
    reply
      .code(400)
      .header('content-type', 'application/json; charset=utf-8')
      .send(JSON.stringify(shown));
  }

  return {
    async handle(request, reply) {
      const traceId = options.traceIdOf(request);
      const authentication = await authenticate(tokens, services, request.headers.authorization);
      const context = createContext(services, {
        authentication,
        clientAddress: options.clientAddress(request.raw),
        userAgent: request.headers['user-agent'] ?? '',
        traceId,
      });
      try {
        const args = prepareSubscription(rules, requestOf(request.body), context);
        const events = await subscribe(args);
        if (!(Symbol.asyncIterator in events)) {
          return refuse(request, reply, events.errors ?? []);
        }
        await stream(reply, events, traceId);
      } catch (error) {
        if (!(error instanceof OperationRefused)) throw error;
        refuse(request, reply, error.errors);
      }
    },
    async close() {
      const open = [...streams.entries()];
      for (const [, { end }] of open) end();
      const timers = open.map(([response]) =>
        setTimeout(() => response.destroy(), options.closeTimeoutMs),
      );
      await Promise.allSettled(open.map(([, { ended }]) => ended));
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
