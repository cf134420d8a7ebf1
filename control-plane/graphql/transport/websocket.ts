import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { GraphQLError } from 'graphql';
import { type Context, handleProtocols, makeServer } from 'graphql-ws';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { Logger } from '../../../common/logging.ts';
import { forCaller } from '../caller-store.ts';
import {
  type Authentication,
  authenticate,
  createContext,
  isAuthenticated,
  tokenRefusal,
} from '../context.ts';
import { ApiError, presentError } from '../errors.ts';
import { OperationRefused, prepareSubscription } from '../subscription-operation.ts';
import type { TransportOptions } from './transport-options.ts';

export interface WebsocketOptions extends TransportOptions {
  readonly subscriptionsPerConnectionMax: number;
  readonly connectionsMax: number;
  /** Largest message of a client, in bytes. */
  readonly bodyBytesMax: number;
  readonly initTimeoutMs: number;
  /** Pings go out this often; a client that does not answer before the next is cut off. */
  readonly pingIntervalMs: number;
  /** Whether a browser page of this origin may connect; no origin: no browser. */
  readonly isOriginAllowed: (origin: string | undefined, host: string | undefined) => boolean;
}

interface Extra {
  readonly clientAddress: string;
  readonly userAgent: string;
  readonly traceId: string;
  /** Header of the upgrade request. */
  readonly authorization: string | undefined;
  authentication: Authentication;
}

type SocketContext = Context<Record<string, unknown> | undefined, Extra>;

/** The token: in the connection's parameters, since browsers can't set headers here, or in the header. */
function authorizationOf(context: SocketContext): string | undefined {
  const parameters = context.connectionParams ?? {};
  const given = parameters['authorization'] ?? parameters['Authorization'];
  return typeof given === 'string' ? given : context.extra.authorization;
}

function presented(errors: readonly GraphQLError[], logger: Logger, traceId: string) {
  return errors.map((error) => presentError(error.toJSON(), error, logger, traceId));
}

function createProtocolServer(options: WebsocketOptions) {
  const { services, logger, tokens, rules } = options;
  return makeServer<Record<string, unknown> | undefined, Extra>({
    connectionInitWaitTimeout: options.initTimeoutMs,
    onConnect: async (context) => {
      context.extra.authentication = await authenticate(tokens, services, authorizationOf(context));
      const refusal = tokenRefusal(context.extra.authentication);
      if (refusal !== undefined) services.credentials.refused(refusal);
      // Close code 4403. A socket that can subscribe to nothing need not stay open.
      return isAuthenticated(context.extra.authentication);
    },
    onSubscribe: (context, _id, request) => {
      const { authentication, clientAddress, userAgent, traceId } = context.extra;
      if (Object.keys(context.subscriptions).length > options.subscriptionsPerConnectionMax) {
        const text = `A connection holds at most ${options.subscriptionsPerConnectionMax} subscriptions.`;
        return [new ApiError('TOO_MANY_SUBSCRIPTIONS', text)];
      }
      const value = createContext(services, { authentication, clientAddress, userAgent, traceId });
      try {
        return prepareSubscription(rules, request, value);
      } catch (error) {
        if (error instanceof OperationRefused) return error.errors;
        throw error;
      }
    },
    onNext: (context, _id, _request, _args, result) => {
      if (result.errors === undefined) return undefined;
      const errors = presented(result.errors, logger, context.extra.traceId);
      return { data: result.data ?? null, errors };
    },
    onError: (context, _id, _request, errors) => presented(errors, logger, context.extra.traceId),
  });
}

type ProtocolServer = ReturnType<typeof createProtocolServer>;

/** Cuts off a client that no longer answers; returns a function that ends it. */
function keepAlive(socket: WebSocket, intervalMs: number): () => void {
  let alive = true;
  socket.on('pong', () => {
    alive = true;
  });
  const timer = setInterval(() => {
    if (!alive) {
      socket.terminate();
      return;
    }
    alive = false;
    socket.ping();
  }, intervalMs);
  return () => clearInterval(timer);
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return Buffer.from(data as Buffer).toString('utf8');
}

function serveSocket(
  protocolServer: ProtocolServer,
  socket: WebSocket,
  extra: Extra,
  options: WebsocketOptions,
): void {
  const { logger } = options;
  const fail = (error: unknown) => {
    logger.error({ err: error, traceId: extra.traceId }, 'a WebSocket message failed');
    socket.close(4500, 'Internal server error');
  };
  const closed = protocolServer.opened(
    {
      protocol: socket.protocol,
      // Resolves once the message is with the kernel: a slow client slows its own stream, and no queue grows.
      send: (data) =>
        new Promise((resolve, reject) => {
          if (socket.readyState !== socket.OPEN) resolve();
          else socket.send(data, (error) => (error ? reject(error) : resolve()));
        }),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (handle) => {
        socket.on('message', (data) => {
          forCaller(() => handle(textOf(data))).catch(fail);
        });
      },
    },
    extra,
  );
  const stopPings = keepAlive(socket, options.pingIntervalMs);
  socket.on('error', (error) => logger.debug({ err: error }, 'a WebSocket failed'));
  socket.once('close', (code, reason) => {
    stopPings();
    closed(code, reason.toString()).catch(fail);
  });
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/**
 * Serves subscriptions over WebSocket at `/graphql` (protocol graphql-transport-ws) on an HTTP server.
 * Returns a function that closes every connection and resolves when their subscriptions have ended.
 */
export function serveWebsocket(server: Server, options: WebsocketOptions): () => Promise<void> {
  const protocolServer = createProtocolServer(options);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.bodyBytesMax,
    handleProtocols: (protocols) => handleProtocols(protocols),
  });
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const [path] = (request.url ?? '').split('?', 1);
    const { origin, host, authorization } = request.headers;
    if (path !== '/graphql') return refuse(socket, '404 Not Found');
    if (!options.isOriginAllowed(origin, host)) return refuse(socket, '403 Forbidden');
    if (sockets.clients.size >= options.connectionsMax) {
      return refuse(socket, '503 Service Unavailable');
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      const extra: Extra = {
        clientAddress: options.clientAddress(request),
        userAgent: request.headers['user-agent'] ?? '',
        traceId: options.newTraceId(),
        authorization,
        authentication: { kind: 'none' },
      };
      serveSocket(protocolServer, client, extra, options);
    });
  };
  server.on('upgrade', onUpgrade);
  return async () => {
    server.off('upgrade', onUpgrade);
    const clients = [...sockets.clients];
    const ended = clients.map(
      (client) =>
        new Promise<void>((resolve) => {
          // A client that does not answer the close is not waited for.
          const timer = setTimeout(() => client.terminate(), options.closeTimeoutMs);
          client.once('close', () => {
            clearTimeout(timer);
            resolve();
          });
          client.close(1001, 'Going away');
        }),
    );
    await Promise.all(ended);
    await new Promise<void>((resolve) => {
      sockets.close(() => resolve());
    });
  };
}
