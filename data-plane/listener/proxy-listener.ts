import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Logger } from '../../common/logging.ts';
import type { CallRecorder } from '../events/call-recorder.ts';
import type { ClientExchange } from '../pipeline/client-exchange.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { answerOnSocket, reasonOfClientError } from './client-error.ts';
import type { ListenerOptions } from './listener-options.ts';
import { NodeReply } from './node-reply.ts';
import { NodeRequestBody } from './node-request-body.ts';

export interface ProxyListenerParts {
  readonly options: ListenerOptions;
  readonly pipeline: Pipeline;
  /** Where refusals go that never become a request. */
  readonly recorder: CallRecorder;
  readonly newId: () => string;
  readonly logger: Logger;
}

/** The socket that clients reach the node by. */
export interface ProxyListener {
  /** @throws when the address can't be had, such as EADDRINUSE. */
  listen(): Promise<{ readonly port: number; readonly url: string }>;
  /** Stops accepting, ends long streams, and lets calls finish; cuts what is left after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
  /** Cuts everything at once. */
  close(): Promise<void>;
}

function createServer(options: ListenerOptions): http.Server {
  const bounds = {
    maxHeaderSize: options.headerBytesMax,
    headersTimeout: options.headersTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    // Bounds are looked after this often; the default of 30 s would make shorter ones untrue.
    connectionsCheckingInterval: 1_000,
    insecureHTTPParser: false,
    highWaterMark: options.clientBufferBytes,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
  };
  const { tls } = options;
  const server =
    tls === undefined
      ? http.createServer(bounds)
      : https.createServer({ ...bounds, cert: tls.cert, key: tls.key, minVersion: 'TLSv1.2' });
  server.maxHeadersCount = options.headersMax;
  // A stream may last as long as it likes; what may not is bounded where it is known.
  server.timeout = 0;
  return server;
}

/** Makes the listener of a node; nothing is bound before `listen`. */
export function createProxyListener(parts: ProxyListenerParts): ProxyListener {
  const { options, pipeline, recorder, newId, logger } = parts;
  const server = createServer(options);
  const sockets = new Set<Socket>();
  /** Answered already; a request that still comes on one is nobody's. */
  const refused = new WeakSet<Socket>();
  let draining = false;

  function exchangeOf(
    request: IncomingMessage,
    response: ServerResponse,
    continueWith: ServerResponse | undefined,
  ): ClientExchange {
    return {
      head: {
        method: request.method ?? '',
        target: request.url ?? '',
        rawHeaders: request.rawHeaders,
        clientAddress: request.socket.remoteAddress ?? '',
      },
      body: new NodeRequestBody(request, continueWith),
      reply: new NodeReply(request, response, options, () => draining),
    };
  }

  function refuse(socket: Socket, reason: Parameters<typeof answerOnSocket>[1]): void {
    refused.add(socket);
    const clientAddress = socket.remoteAddress ?? '';
    recorder.refuse({ reason, clientAddress, organizationId: undefined });
    answerOnSocket(socket, reason, newId().replaceAll('-', ''), options.lingerTimeoutMs);
  }

  function handle(
    request: IncomingMessage,
    response: ServerResponse,
    continueWith: ServerResponse | undefined,
  ): void {
    // A connection whose last answer began before the drain knows nothing of it, and would be kept.
    response.once('finish', () => {
      if (draining) setImmediate(() => server.closeIdleConnections());
    });
    if (refused.has(request.socket)) response.destroy();
    else pipeline.handle(exchangeOf(request, response, continueWith));
  }

  server.on('request', (request, response) => handle(request, response, undefined));
  // Permission to send a body is given when it is wanted, not before the caller is known.
  server.on('checkContinue', (request, response) => handle(request, response, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    refuse(socket, reasonOfClientError(error));
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', (error) => logger.debug({ err: error }, 'client connection failed'));
    // Over TLS nothing can be said before the handshake, which is what is too much.
    if (sockets.size > options.connectionsMax && options.tls !== undefined) socket.destroy();
    else if (sockets.size > options.connectionsMax) refuse(socket, 'connections_exhausted');
  });

  async function stopAccepting(): Promise<void> {
    draining = true;
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeIdleConnections();
    await closed;
  }

  function cut(): void {
    for (const socket of sockets) socket.destroy();
  }

  return {
    async listen() {
      server.listen(options.port, options.host);
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const host = options.host.includes(':') ? `[${options.host}]` : options.host;
      return { port, url: `${options.tls === undefined ? 'http' : 'https'}://${host}:${port}` };
    },
    async drain(timeoutMs) {
      const stopped = stopAccepting();
      pipeline.drain();
      const timer = setTimeout(cut, timeoutMs);
      await stopped;
      clearTimeout(timer);
    },
    async close() {
      const stopped = stopAccepting();
      cut();
      await stopped;
    },
  };
}
