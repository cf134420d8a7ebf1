import type { AddressInfo } from 'node:net';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import type { Logger } from '../../common/logging.ts';
import { type AccessTokens, createAccessTokens } from '../identity/access-token.ts';
import { createAttemptLimit } from '../identity/attempt-limit.ts';
import { createPasswordDesk } from '../identity/password-desk.ts';
import { openSigningKeys } from '../identity/signing-keys.ts';
import { AccessAudit } from '../registry/access-audit.ts';
import type { ChangeFeed } from '../store/change-feed.ts';
import type { MasterKeyRing } from '../store/master-key-ring.ts';
import type { Store } from '../store/store.ts';
import { createApolloServer } from './apollo-server.ts';
import { type ApiServices, authenticate, createContext } from './context.ts';
import { ApiError, type ErrorCode, requestTrace } from './errors.ts';
import { type GraphqlBounds, graphqlBoundsDefault } from './graphql-bounds.ts';
import { createGraphqlMetrics } from './graphql-metrics.ts';
import { createHttpServer, newTraceId, refusal, traceIdOf } from './http-server.ts';
import { checkTokens } from './operation-bounds.ts';
import { buildGraphqlSchema } from './schema.ts';
import { SubscriptionHub } from './subscription/subscription-hub.ts';
import { createSseEndpoint } from './transport/sse.ts';
import { serveWebsocket } from './transport/websocket.ts';

export interface GraphqlServerOptions {
  readonly store: Store;
  readonly feed: Pick<ChangeFeed, 'on' | 'connected'>;
  readonly masterKeys: MasterKeyRing;
  readonly logger: Logger;
  /** Where the API registers its metrics, and what `/metrics` shows. */
  readonly registry: Registry;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** `iss` of access tokens: names this installation. All replicas use the same. */
  readonly issuer: string;
  /** Whether clients may ask for the schema. */
  readonly introspection: boolean;
  /** Whether MCP servers may have private, loopback and other special addresses. */
  readonly privateUpstreamsAllowed: boolean;
  /** Origins of browser pages, besides the server's own, that may open WebSockets. */
  readonly allowedOrigins?: readonly string[];
  /** Addresses or networks of proxies whose X-Forwarded-For counts. */
  readonly trustedProxies?: readonly string[];
  readonly bounds?: Partial<GraphqlBounds>;
}

export interface GraphqlServer {
  listen(): Promise<{ readonly url: string; readonly port: number }>;
  /** Ends subscriptions, waits for requests in work and frees the port. */
  close(): Promise<void>;
}

/** `aud` of access tokens: what is good here is refused at the proxy, and the other way round. */
const audience = 'mcpgw-graphql';
/** Addresses and accounts whose failed log-ins are remembered. */
const attemptKeysMax = 10_000;

function createServices(
  options: GraphqlServerOptions,
  bounds: GraphqlBounds,
  tokens: AccessTokens,
): ApiServices {
  const { store, feed, masterKeys, logger, now } = options;
  const attempts = (failuresMax: number) =>
    createAttemptLimit({
      failuresMax,
      windowMs: bounds.failureWindowMs,
      keysMax: attemptKeysMax,
      now,
    });
  return {
    store,
    now,
    login: {
      store,
      tokens,
      passwords: createPasswordDesk({
        concurrencyMax: bounds.passwordConcurrencyMax,
        waitingMax: bounds.passwordWaitingMax,
      }),
      accountAttempts: attempts(bounds.accountFailuresMax),
      addressAttempts: attempts(bounds.addressFailuresMax),
    },
    registry: {
      store,
      masterKeys,
      addressRules: { privateAddressesAllowed: options.privateUpstreamsAllowed },
    },
    subscriptions: new SubscriptionHub({ store, feed, bounds, logger, now }),
    accessAudit: new AccessAudit({ store, logger, now }),
    pageBounds: bounds,
  };
}

/** A browser says where a page comes from; a page of somebody else must not use a visitor's network position. */
function originCheck(allowedOrigins: readonly string[]) {
  return (origin: string | undefined, host: string | undefined): boolean => {
    if (origin === undefined) return true;
    if (allowedOrigins.includes(origin)) return true;
    return URL.canParse(origin) && new URL(origin).host === host;
  };
}

/** Refuses a document that is too long before anything parses it. */
function tokenGate(bounds: GraphqlBounds) {
  return async (
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply | undefined> => {
    const { query } = (request.body ?? {}) as { readonly query?: unknown };
    if (typeof query !== 'string') return undefined;
    try {
      checkTokens(query, bounds);
      return undefined;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const code = error.extensions['code'] as ErrorCode;
      return reply.code(400).send(refusal(code, error.message));
    }
  };
}

/**
 * Makes the GraphQL API: queries and mutations by POST `/graphql`, subscriptions over WebSocket at the same
 * path and over SSE by POST `/graphql/stream`, and `/health` and `/metrics`. Makes the first signing key
 * when there is none.
 * @throws when the database can't be reached or its signing key belongs to another master key.
 */
export async function createGraphqlServer(options: GraphqlServerOptions): Promise<GraphqlServer> {
  const { store, masterKeys, logger, now, introspection } = options;
  const bounds = { ...graphqlBoundsDefault, ...options.bounds };
  const tokens = createAccessTokens({
    keys: await openSigningKeys({ store, masterKeys, now }),
    issuer: options.issuer,
    audience,
    lifetimeMs: bounds.accessTokenLifetimeMs,
    now,
  });
  const services = createServices(options, bounds, tokens);
  const schema = buildGraphqlSchema();
  const metrics = createGraphqlMetrics(options.registry, () => services.subscriptions.open);
  const apollo = createApolloServer({ schema, bounds, introspection, logger, metrics });
  await apollo.start();

  const http = createHttpServer({
    logger,
    registry: options.registry,
    bodyBytesMax: bounds.bodyBytesMax,
    requestTimeoutMs: bounds.requestTimeoutMs,
    trustedProxies: options.trustedProxies ?? [],
    isHealthy: () => options.feed.connected,
  });
  const handle = fastifyApolloHandler(apollo, {
    context: async (request) =>
      createContext(services, {
        authentication: await authenticate(tokens, services, request.headers.authorization),
        clientAddress: request.ip,
        traceId: requestTrace.getStore() ?? newTraceId(),
      }),
  });
  http.post('/graphql', { preHandler: tokenGate(bounds) }, (request, reply) =>
    requestTrace.run(traceIdOf(request), () => handle.call(http, request, reply)),
  );

  const { closeTimeoutMs, pingIntervalMs } = bounds;
  const rules = { schema, bounds, introspection };
  const transport = { services, tokens, rules, logger, newTraceId, closeTimeoutMs, pingIntervalMs };
  const sse = createSseEndpoint({ ...transport, traceIdOf });
  http.post('/graphql/stream', (request, reply) => sse.handle(request, reply));
  const closeWebsocket = serveWebsocket(http.server, {
    ...transport,
    subscriptionsPerConnectionMax: bounds.subscriptionsPerConnectionMax,
    connectionsMax: bounds.websocketConnectionsMax,
    bodyBytesMax: bounds.bodyBytesMax,
    initTimeoutMs: bounds.websocketInitTimeoutMs,
    isOriginAllowed: originCheck(options.allowedOrigins ?? []),
  });

  return {
    async listen() {
      await http.listen({ host: options.host, port: options.port });
      const { port } = http.server.address() as AddressInfo;
      const host = options.host.includes(':') ? `[${options.host}]` : options.host;
      return { url: `http://${host}:${port}/graphql`, port };
    },
    async close() {
      // From here on new requests get 503, and streams that are open are ended below.
      const closed = http.close();
      const drained = setTimeout(() => http.server.closeAllConnections(), bounds.drainTimeoutMs);
      await Promise.all([closeWebsocket(), sse.close()]);
      await closed;
      clearTimeout(drained);
      await apollo.stop();
      await services.accessAudit.close();
    },
  };
}
