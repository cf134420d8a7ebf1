import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Logger } from '../common/logging.ts';
import { graphqlBoundsOf } from './bounds.ts';
import type { ControlPlaneConfig } from './config.ts';
import { type Database, openDatabase } from './database.ts';
import { startDefinitionRefresh } from './definitions/refresh-loop.ts';
import type { GrpcTlsOptions } from './discovery/grpc-server.ts';
import { createGraphqlServer, type GraphqlServerOptions } from './graphql/graphql-server.ts';
import type { PersistedQueryMode } from './graphql/persisted/persisted-mode.ts';
import { ensureOperator, type FirstOperator } from './identity/ensure-operator.ts';
import { createGuardedFetch } from './identity/issuers/guarded-fetch.ts';
import { startIssuerRefresh } from './identity/issuers/refresh-loop.ts';
import { createPasswordDesk } from './identity/password-desk.ts';
import { keyJobs } from './key-jobs.ts';
import { createNodeServer } from './node-server.ts';
import { ensureSealKeys } from './registry/seal-keys.ts';
import { ConfigState } from './snapshot/config-state.ts';
import { ChangeFeed } from './store/change-feed.ts';
import { migrate } from './store/migrate.ts';
import { checkSealed } from './store/sealed-check.ts';
import { openStore, type Store } from './store/store.ts';
import { startWorker } from './worker/worker.ts';

/** Parts of a control plane that run in this process. */
export interface Roles {
  readonly api: boolean;
  readonly worker: boolean;
  /** A whole installation: it migrates by itself and may bring its own PostgreSQL. */
  readonly standalone: boolean;
}

/** A running process of the control plane. */
export interface ControlPlane {
  /** Where it serves, by name; empty for a worker. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Resolves, with the cause, if it can't go on. */
  readonly failed: Promise<string>;
  close(): Promise<void>;
}

function operatorOf(config: ControlPlaneConfig): FirstOperator | undefined {
  const { bootstrapOperatorEmail: email, bootstrapOperatorPasswordFile: file } = config;
  if (email === undefined || file === undefined) return undefined;
  return { email, displayName: 'Operator', password: readFileSync(file, 'utf8').trim() };
}

function tlsOf(config: ControlPlaneConfig): { tls?: GrpcTlsOptions } {
  const { grpcCertificateFile, grpcKeyFile, grpcClientCaFile } = config;
  if (grpcCertificateFile === undefined || grpcKeyFile === undefined) return {};
  const authority = grpcClientCaFile && {
    clientCertificateAuthority: readFileSync(grpcClientCaFile),
  };
  return {
    tls: {
      certificate: readFileSync(grpcCertificateFile),
      privateKey: readFileSync(grpcKeyFile),
      ...authority,
    },
  };
}

type GraphqlPartners = 'store' | 'feed' | 'masterKeys' | 'registry' | 'logger' | 'now';

function persistedQueryMode(config: ControlPlaneConfig): PersistedQueryMode {
  const { graphqlPersistedQueryManifest: manifestFile } = config;
  if (manifestFile !== undefined) return { manifestFile };
  return config.graphqlAutomaticPersistedQueries ? 'automatic' : 'off';
}

function graphqlOptions(config: ControlPlaneConfig): Omit<GraphqlServerOptions, GraphqlPartners> {
  return {
    host: config.graphqlHost,
    port: config.graphqlPort,
    issuer: config.tokenIssuer,
    ...(config.publicUrl !== undefined && { publicUrl: new URL(config.publicUrl) }),
    introspection: config.graphqlIntrospection,
    persistedQueries: persistedQueryMode(config),
    privateUpstreamsAllowed: config.privateUpstreamsAllowed,
    privateIssuersAllowed: config.privateIssuersAllowed,
    issuerRefreshIntervalMs: config.issuerRefreshIntervalMs,
    allowedOrigins: config.graphqlAllowedOrigins,
    trustedProxies: config.trustedProxies,
    bounds: graphqlBoundsOf(config),
  };
}

async function openMigratedStore(database: Database, roles: Roles, logger: Logger): Promise<Store> {
  if (roles.standalone) {
    await migrate({ owner: database.owner, roles: database.roles, logger });
  }
  return openStore({ roles: database.roles, logger });
}

async function startApi(
  config: ControlPlaneConfig,
  {
    store,
    database,
    logger,
    cleanup,
  }: {
    readonly store: Store;
    readonly database: Database;
    readonly logger: Logger;
    readonly cleanup: AsyncDisposableStack;
  },
): Promise<Record<string, string>> {
  const { masterKeys, roles } = database;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const feed = await ChangeFeed.open({ connection: roles.system, logger });
  cleanup.defer(() => feed.close());
  await ensureSealKeys(store, masterKeys);
  const operator = operatorOf(config);
  if (operator !== undefined) {
    const passwords = createPasswordDesk({ concurrencyMax: 1, waitingMax: 1 });
    await ensureOperator({ store, passwords }, operator);
  }
  const source = await ConfigState.open({
    store,
    feed,
    masterKeys,
    tokenIssuer: config.tokenIssuer,
    logger,
    nowMs: Date.now,
  });
  cleanup.defer(() => source.close());
  const nodes = await createNodeServer({
    store,
    source,
    logger,
    nowMs: Date.now,
    replica: randomUUID(),
    grpc: { host: config.grpcHost, port: config.grpcPort, ...tlsOf(config) },
  });
  cleanup.defer(() => nodes.close());
  const graphql = await createGraphqlServer({
    ...graphqlOptions(config),
    store,
    feed,
    masterKeys,
    registry,
    logger,
    now: Date.now,
  });
  cleanup.defer(() => graphql.close());
  const { url: graphqlUrl } = await graphql.listen();
  return { graphqlUrl, graphqlOrigin: new URL(graphqlUrl).origin, grpcAddress: nodes.address };
}

/** Keeps the keys of issuers up to date; apart from the jobs, because issuers take their time. */
function startIssuerWork(
  config: ControlPlaneConfig,
  store: Store,
  logger: Logger,
): { readonly close: () => Promise<void> } {
  const rules = { privateAddressesAllowed: config.privateIssuersAllowed };
  const guarded = createGuardedFetch({ rules });
  const refresh = startIssuerRefresh({
    store,
    guarded,
    rules,
    logger,
    intervalMs: config.issuerRefreshIntervalMs,
    random: Math.random,
  });
  return {
    close: async () => {
      await guarded.close();
      await refresh.close();
    },
  };
}

/** Keeps what servers offer up to date; apart from the jobs, because servers take their time. */
function startDefinitionWork(
  config: ControlPlaneConfig,
  { masterKeys }: Database,
  store: Store,
  logger: Logger,
): { readonly close: () => Promise<void> } {
  const { upstreamCaFile } = config;
  return startDefinitionRefresh({
    ...{ store, masterKeys, logger },
    privateUpstreamsAllowed: config.privateUpstreamsAllowed,
    ...(upstreamCaFile !== undefined && { extraCa: [readFileSync(upstreamCaFile, 'utf8')] }),
    intervalMs: config.definitionsRefreshIntervalMs,
    random: Math.random,
  });
}

/**
 * Wires and starts one process of the control plane.
 * @throws {SettingsError} on settings that don't go together, and when PostgreSQL can't be reached.
 */
export async function startControlPlane(
  config: ControlPlaneConfig,
  roles: Roles,
  logger: Logger,
): Promise<ControlPlane> {
  const cleanup = new AsyncDisposableStack();
  try {
    const database = await openDatabase(config, logger, { mayEmbed: roles.standalone });
    cleanup.defer(() => database.close());
    const store = await openMigratedStore(database, roles, logger);
    cleanup.defer(() => store.close());
    await checkSealed(store, database.masterKeys);
    if (roles.worker) {
      const { jobIntervalMs } = config;
      const jobs = keyJobs(config, database.masterKeys, Date.now);
      const worker = await startWorker({ store, logger, nowMs: Date.now, jobs, jobIntervalMs });
      cleanup.defer(() => worker.close());
      const issuers = startIssuerWork(config, store, logger);
      cleanup.defer(() => issuers.close());
      const definitions = startDefinitionWork(config, database, store, logger);
      cleanup.defer(() => definitions.close());
    }
    const addresses = roles.api ? await startApi(config, { store, database, logger, cleanup }) : {};
    return {
      addresses,
      failed: database.ended.then(() => 'PostgreSQL ended'),
      close: () => cleanup.disposeAsync(),
    };
  } catch (error) {
    await cleanup.disposeAsync();
    throw error;
  }
}
