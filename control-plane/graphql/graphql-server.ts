import type { AddressInfo } from 'node:net';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { Logger } from '../../common/logging.ts';
import {
  type AccessTokens,
  createAccessTokens,
  type SigningKeyRing,
} from '../identity/access-token.ts';
import { createGuardedFetch, type GuardedFetch } from '../identity/issuers/guarded-fetch.ts';
import { issuerRefreshIntervalMsDefault } from '../identity/issuers/refresh-issuer.ts';
import { LoginThrottle } from '../identity/login-throttle.ts';
import { createPasswordDesk } from '../identity/password-desk.ts';
import { type OpenSigningKeys, openSigningKeys } from '../identity/signing-keys.ts';
import { SimulationDesk } from '../policy/simulation/simulation-desk.ts';
import { AccessAudit } from '../registry/access-audit.ts';
import { OperatorAudit } from '../registry/operator-audit.ts';
import type { ChangeFeed } from '../store/change-feed.ts';
import type { MasterKeyRing } from '../store/master-key-ring.ts';
import type { Store } from '../store/store.ts';
import { createApolloServer } from './apollo-server.ts';
import { callerBoundStore, forCaller } from './caller-store.ts';
import { createClientAddress } from './client-address.ts';
import { type ApiServices, authenticate, createContext } from './context.ts';
import { createCredentialMetrics } from './credential-metrics.ts';
import { requestTrace } from './errors.ts';
import { type GraphqlBounds, graphqlBoundsDefault } from './graphql-bounds.ts';
import { createGraphqlMetrics } from './graphql-metrics.ts';
import { createHttpServer, newTraceId, traceIdOf } from './http-server.ts';
import { documentGate } from './persisted/document-gate.ts';
import { openPersistedOperations, type PersistedQueryMode } from './persisted/persisted-mode.ts';
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
  /** Base of the URLs at which agents reach nodes; undefined: no access tokens for the proxy are given. */
  readonly publicUrl?: URL;
  /** Whether clients may ask for the schema. */
  readonly introspection: boolean;
  /** Which documents run, and whether by hash; default `off`. */
  readonly persistedQueries?: PersistedQueryMode;
  /** Whether MCP servers may have private, loopback and other special addresses. */
  readonly privateUpstreamsAllowed: boolean;
  /** Whether issuers may have such addresses. */
  readonly privateIssuersAllowed: boolean;
  /** Time between two looks at an issuer's keys; default 5 minutes. */
  readonly issuerRefreshIntervalMs?: number;
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

function accessTokens(
  { issuer, now }: GraphqlServerOptions,
  { accessTokenLifetimeMs: lifetimeMs }: GraphqlBounds,
  keys: SigningKeyRing,
): AccessTokens {
  return createAccessTokens({ keys, issuer, audience, lifetimeMs, now });
}

function createServices(
  options: GraphqlServerOptions,
  bounds: GraphqlBounds,
  keys: SigningKeyRing,
  guarded: GuardedFetch,
): ApiServices {
  const { feed, masterKeys, logger, now } = options;
  const operators = new OperatorAudit({ store: options.store, now });
  const store = callerBoundStore(options.store, operators);
  const tokens = accessTokens(options, bounds, keys);
  const failures = (failuresMax: number) => ({
    failuresMax,
    windowMs: bounds.failureWindowMs,
    blockMsMax: bounds.loginBlockMsMax,
  });
  // Whoever logs in is nobody yet.
  const sessions = { store: options.store, tokens, bounds, now };
  const throttle = new LoginThrottle({
    key: masterKeys.current.derive('login-throttle'),
    account: failures(bounds.accountFailuresMax),
    address: failures(bounds.addressFailuresMax),
    away: failures(bounds.addressLoginsAwayMax),
    now,
  });
  const refresh = {
    store: options.store,
    guarded,
    rules: { privateAddressesAllowed: options.privateIssuersAllowed },
    intervalMs: options.issuerRefreshIntervalMs ?? issuerRefreshIntervalMsDefault,
    random: Math.random,
  };
  return {
    store,
    now,
    login: {
      ...sessions,
      throttle,
      passwords: createPasswordDesk({
        concurrencyMax: bounds.passwordConcurrencyMax,
        waitingMax: bounds.passwordWaitingMax,
      }),
    },
    oidcLogin: { ...sessions, throttle, masterKeys, refresh },
    proxyTokens: {
      store: options.store,
      keys,
      issuer: options.issuer,
      publicUrl: options.publicUrl,
      bounds,
      now,
    },
    registry: {
      store,
      masterKeys,
      addressRules: { privateAddressesAllowed: options.privateUpstreamsAllowed },
    },
    issuers: { store, masterKeys, refresh, now },
    policies: { store, policiesMax: bounds.policiesMax, now },
    simulations: new SimulationDesk({
      store,
      concurrencyMax: bounds.simulationsMax,
      bounds: {
        callsMax: bounds.simulationCallsMax,
        durationMsMax: bounds.simulationMsMax,
        progressMs: simulationProgressMs,
      },
    }),
    subscriptions: new SubscriptionHub({ store, feed, bounds, logger, now }),
    accessAudit: new AccessAudit({ store: options.store, logger, now }),
    credentials: createCredentialMetrics(options.registry),
    pageBounds: bounds,
  };
}

/** Between two events of a simulation's progress. */
const simulationProgressMs = 250;

/** A browser says where a page comes from; a page of somebody else must not use a visitor's network position. */
function originCheck(allowedOrigins: readonly string[]) {
  return (origin: string | undefined, host: string | undefined): boolean => {
    if (origin === undefined) return true;
    if (allowedOrigins.includes(origin)) return true;
    return URL.canParse(origin) && new URL(origin).host === host;
  };
}

/** Less than a new key is published before it signs: what a cache holds then knows it. */
const jwksCacheSeconds = 300;

/** The public halves, where RFC 8414 metadata and OpenID Connect look for them by habit. */
function serveJwks(http: FastifyInstance, keys: OpenSigningKeys): void {
  http.get('/.well-known/jwks.json', (_request, reply) =>
    reply
      .type('application/jwk-set+json')
      .header('cache-control', `public, max-age=${jwksCacheSeconds}`)
      .send(JSON.stringify(keys.publicJwks())),
  );
}

/**
 * Makes the GraphQL API: queries and mutations by POST `/graphql`, subscriptions over WebSocket at the same
 * path and over SSE by POST `/graphql/stream`, `/health` and `/metrics`, and the public halves of the keys
 * that sign access tokens. Makes the first signing key when there is none.
 * @throws when a trusted proxy is no address, the database can't be reached, its signing key belongs to
 * another master key, or the manifest of persisted queries can't be used.
 */
export async function createGraphqlServer(options: GraphqlServerOptions): Promise<GraphqlServer> {
  const { store, masterKeys, logger, now, introspection } = options;
  const bounds = { ...graphqlBoundsDefault, ...options.bounds };
  const clientAddress = createClientAddress(options.trustedProxies ?? []);
  const schema = buildGraphqlSchema();
  const mode = options.persistedQueries ?? 'off';
  const persisted = await openPersistedOperations(mode, schema, bounds);
  const keys = await openSigningKeys({ store, masterKeys, logger, now, feed: options.feed });
  const guarded = createGuardedFetch({
    rules: { privateAddressesAllowed: options.privateIssuersAllowed },
  });
  const services = createServices(options, bounds, keys, guarded);
  const { tokens } = services.login;
  const metrics = createGraphqlMetrics(options.registry, () => services.subscriptions.open);
  const apollo = createApolloServer({ schema, bounds, introspection, logger, metrics });
  await apollo.start();

  const http = createHttpServer({
    logger,
    registry: options.registry,
    bodyBytesMax: bounds.bodyBytesMax,
    requestTimeoutMs: bounds.requestTimeoutMs,
    isHealthy: () => options.feed.connected,
  });
  const handle = fastifyApolloHandler(apollo, {
    context: async (request) =>
      createContext(services, {
        authentication: await authenticate(tokens, services, request.headers.authorization),
        clientAddress: clientAddress(request.raw),
        userAgent: request.headers['user-agent'] ?? '',
        traceId: requestTrace.getStore() ?? newTraceId(),
      }),
  });
  http.post('/graphql', { preHandler: documentGate(persisted, bounds) }, (request, reply) =>
    requestTrace.run(traceIdOf(request), () => forCaller(() => handle.call(http, request, reply))),
  );

  serveJwks(http, keys);

  const { closeTimeoutMs, pingIntervalMs } = bounds;
  const rules = { schema, bounds, introspection, persisted };
  const transport = {
    ...{ services, tokens, rules, logger, clientAddress, newTraceId },
    ...{ closeTimeoutMs, pingIntervalMs },
  };
  const sse = createSseEndpoint({ ...transport, traceIdOf });
  http.post('/graphql/stream', (request, reply) => forCaller(() => sse.handle(request, reply)));
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
      keys.close();
      await apollo.stop();
      await guarded.close();
      await services.accessAudit.close();
    },
  };
}
