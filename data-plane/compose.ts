import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Logger } from '../common/logging.ts';
import { compileCondition } from '../common/policy/compile-condition.ts';
import { productVersion } from '../common/product-version.ts';
import { createAdminServer } from './admin/admin-server.ts';
import type { DataPlaneConfig } from './config.ts';
import type { ControlPlaneConnectionOptions } from './connection/control-plane-connection.ts';
import { openNodeCredential } from './connection/node-credential.ts';
import { createConfigClient } from './discovery/config-client.ts';
import { createReporter } from './events/reporter.ts';
import { openSpool } from './events/spool.ts';
import { TokenIdentifier } from './identity/token-identifier.ts';
import { defineTokenMetrics } from './identity/token-metrics.ts';
import { createProxyListener } from './listener/proxy-listener.ts';
import {
  configClientOptions,
  listenerOptions,
  pipelineOptions,
  reporterOptions,
  spoolOptions,
  tokenOptions,
  upstreamOptions,
} from './options.ts';
import { createPipeline } from './pipeline/pipeline.ts';
import { type PublicBase, publicBase } from './pipeline/public-base.ts';
import { DecisionCounts } from './policy/decision-counts.ts';
import { definePolicyMetrics } from './policy/policy-metrics.ts';
import { SnapshotHolder } from './snapshot/snapshot-holder.ts';
import { createUpstreams } from './upstream/upstreams.ts';

/** How late a call in progress may end when its credential expires or the view grows too old. */
const recheckIntervalMs = 1000;

/** A running proxy node. */
export interface ProxyNode {
  readonly proxyUrl: string;
  readonly adminUrl: string;
  /** Takes no new calls, lets calls finish, hands over what is recorded, and closes. */
  close(): Promise<void>;
}

/** The first condition takes the compiler ten times as long as the next, some 15 ms: not while calls wait. */
const warmingCondition = 'args.path.startsWith("/") && principal.roles.exists(role, role == "a")';

function connectionOf(config: DataPlaneConfig): ControlPlaneConnectionOptions {
  const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file));
  const { controlPlaneCaFile, nodeCertificateFile, nodeKeyFile } = config;
  const wantsTls = controlPlaneCaFile !== undefined || nodeCertificateFile !== undefined;
  return {
    addresses: config.controlPlaneAddresses,
    tls: wantsTls
      ? {
          certificateAuthority: read(controlPlaneCaFile),
          certificate: read(nodeCertificateFile),
          privateKey: read(nodeKeyFile),
          serverName: config.controlPlaneServerName,
        }
      : undefined,
  };
}

/** Puts each part's closing on `cleanup` as soon as it is open, so that none stays if a later one fails. */
async function startParts(
  config: DataPlaneConfig,
  logger: Logger,
  cleanup: AsyncDisposableStack,
): Promise<ProxyNode> {
  compileCondition(warmingCondition);
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const clock = { nowMs: Date.now, monotonicMs: () => performance.now() };
  const connection = connectionOf(config);
  const credential = await openNodeCredential({
    file: config.nodeCredentialFile ?? path.join(config.dataDir, 'credential'),
    pollIntervalMs: 5000,
    logger,
  });
  cleanup.defer(() => credential.close());
  const spool = await openSpool(spoolOptions(config, logger));
  cleanup.defer(() => spool.close());
  const holder = new SnapshotHolder();
  const configClient = createConfigClient({
    ...configClientOptions(config, logger),
    connection,
    credential,
    holder,
    instanceId: randomUUID(),
    build: productVersion,
  });
  cleanup.defer(() => configClient.close());
  const reporter = createReporter({ ...reporterOptions(logger), connection, credential, spool });
  cleanup.defer(() => reporter.close());
  const upstreams = createUpstreams({
    bounds: upstreamOptions(config),
    registry,
    clockMs: clock.monotonicMs,
    randomBytes,
  });
  cleanup.defer(() => upstreams.close());
  const tokens = new TokenIdentifier(tokenOptions(config));
  defineTokenMetrics(registry, () => tokens.counts());
  const decisionCounts = new DecisionCounts();
  definePolicyMetrics(registry, decisionCounts);
  let base: PublicBase | undefined;
  const options = pipelineOptions(config);
  const pipeline = createPipeline({
    options,
    publicBase: () => base,
    snapshots: holder,
    recorder: spool,
    decisionCounts,
    tokens,
    upstreams,
    clock,
    viewAgeMs: () => configClient.viewAgeMs(),
    newId: randomUUID,
    logger,
  });
  // A snapshot may end what is under way, and so may time: keys and tokens expire, views grow old.
  cleanup.defer(holder.onChange(() => pipeline.recheck()));
  const recheck = setInterval(() => pipeline.recheck(), recheckIntervalMs);
  cleanup.defer(() => clearInterval(recheck));
  const listener = createProxyListener({
    options: listenerOptions(config),
    pipeline,
    recorder: spool,
    newId: randomUUID,
    logger,
  });
  let isDraining = false;
  const admin = createAdminServer({
    host: config.nodeAdminHost,
    port: config.nodeAdminPort,
    allowedHosts: [],
    registry,
    build: productVersion,
    isDraining: () => isDraining,
    logger,
    snapshots: holder,
    configClient,
    spool,
    reporter,
  });

  cleanup.defer(() => admin.close());
  const adminAddress = await admin.start();
  reporter.start();
  await configClient.start();
  const { url: proxyUrl } = await listener.listen();
  base = publicBase(options.publicUrl, { host: config.proxyHost, url: proxyUrl });
  if (base === undefined) {
    logger.warn(
      'access tokens are refused: MCPGW_PUBLIC_URL does not say what clients call this node',
    );
  }
  return {
    proxyUrl,
    adminUrl: `http://${config.nodeAdminHost}:${adminAddress.port}`,
    close: async () => {
      isDraining = true;
      await listener.drain(config.drainTimeoutMs);
      // What the upstreams still hold ends now, and is recorded before the records are handed over.
      await upstreams.close();
      spool.flushRefusals();
      await reporter.drain(config.drainTimeoutMs);
      await cleanup.disposeAsync();
    },
  };
}

/**
 * Wires one proxy node and starts it: first its configuration, from the stream or the disk, then the
 * listener for agents.
 * @throws when a file can't be read, the control plane's address needs TLS, the spool is another
 * process's, or a port is taken; nothing is left open then.
 */
export async function startProxyNode(config: DataPlaneConfig, logger: Logger): Promise<ProxyNode> {
  const cleanup = new AsyncDisposableStack();
  try {
    return await startParts(config, logger, cleanup);
  } catch (error) {
    await cleanup.disposeAsync();
    throw error;
  }
}
