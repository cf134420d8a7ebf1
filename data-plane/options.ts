import { readFileSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Logger } from '../common/logging.ts';
import type { DataPlaneConfig } from './config.ts';
import type { ConfigClientOptions } from './discovery/config-client.ts';
import { machineClock } from './discovery/witnessed-time.ts';
import type { ReporterOptions } from './events/reporter.ts';
import type { SpoolOptions } from './events/spool-options.ts';
import type { TokenOptions } from './identity/token-identifier.ts';
import type { ListenerOptions } from './listener/listener-options.ts';
import type { PipelineOptions } from './pipeline/pipeline-options.ts';
import type { UpstreamOptions } from './upstream/upstream-options.ts';

const megabyte = 1024 * 1024;

const reconnect = { reconnectFirstMs: 100, reconnectMaxMs: 5000, refusedRetryMs: 30_000 };

/** What of the settings concerns the configuration stream; its partners are wired by the composition. */
export function configClientOptions(
  config: DataPlaneConfig,
  logger: Logger,
): Omit<ConfigClientOptions, 'connection' | 'credential' | 'holder' | 'instanceId' | 'build'> {
  return {
    cacheFile: path.join(config.dataDir, 'snapshot.cache'),
    cacheWriteIntervalMs: 1000,
    cacheBytesMax: 512 * megabyte,
    freshnessFile: path.join(config.dataDir, 'snapshot.current'),
    freshnessIntervalMs: 10_000,
    machineClock: machineClock(),
    advertisedUrl: config.publicUrl ?? '',
    startWaitMs: 2000,
    welcomeTimeoutMs: 10_000,
    heartbeatsMissedMax: 3,
    rangeBytesMax: 256 * megabyte,
    ...reconnect,
    logger,
    now: () => performance.now(),
    random: Math.random,
  };
}

/** What of the settings concerns the spool. */
export function spoolOptions(config: DataPlaneConfig, logger: Logger): SpoolOptions {
  return {
    folder: path.join(config.dataDir, 'spool'),
    // Room comes back by whole segments, so that there must be several of them in any spool.
    segmentBytesMax: Math.min(8 * megabyte, Math.floor(config.spoolBytesMax / 16)),
    spoolBytesMax: config.spoolBytesMax,
    refusalBytesMax: Math.min(16 * megabyte, Math.floor(config.spoolBytesMax / 8)),
    mustAuditReserveBytes: Math.min(megabyte, Math.floor(config.spoolBytesMax / 8)),
    syncIntervalMs: config.spoolSyncIntervalMs,
    refusalFlushIntervalMs: 5000,
    refusalBlocksMax: 4096,
    logger,
    now: Date.now,
  };
}

/** How the spool is reported to the control plane. */
export function reporterOptions(
  logger: Logger,
): Omit<ReporterOptions, 'connection' | 'credential' | 'spool'> {
  return {
    batchEventsMax: 500,
    batchBytesMax: 256 * 1024,
    batchesInFlightMax: 4,
    acknowledgmentTimeoutMs: 30_000,
    ...reconnect,
    logger,
    random: Math.random,
  };
}

/** What of the settings concerns the way to the upstreams. */
export function upstreamOptions(config: DataPlaneConfig): UpstreamOptions {
  const { upstreamCaFile } = config;
  return {
    connectTimeoutMs: config.upstreamConnectTimeoutMs,
    callsMax: config.upstreamCallsMax,
    queuedCallsMax: config.upstreamQueuedCallsMax,
    streamsMax: config.upstreamStreamsMax,
    keepAliveTimeoutMs: config.upstreamKeepAliveTimeoutMs,
    responseHeadersBytesMax: config.upstreamHeaderBytesMax,
    poolIdleMs: config.upstreamPoolIdleMs,
    extraCa: upstreamCaFile === undefined ? [] : [readFileSync(upstreamCaFile, 'utf8')],
    privateAddressesAllowed: config.privateUpstreamsAllowed,
    eraProbeTimeoutMs: config.upstreamEraProbeTimeoutMs,
    eraFreshMs: config.upstreamEraFreshMs,
    sseSessionsMax: config.upstreamSseSessionsMax,
    sseSessionIdleMs: config.upstreamSseSessionIdleMs,
    sseQueueBytesMax: config.upstreamSseQueueBytesMax,
    sseEventBytesMax: config.upstreamSseEventBytesMax,
  };
}

/** What of the settings concerns the stages of a call. */
export function pipelineOptions(config: DataPlaneConfig): PipelineOptions {
  return {
    publicUrl: config.publicUrl === undefined ? undefined : new URL(config.publicUrl),
    allowedHosts: config.allowedHosts,
    allowedOrigins: config.allowedOrigins,
    bodyBytesMax: config.proxyBodyBytesMax,
    bodyTimeoutMs: config.proxyBodyTimeoutMs,
    jsonDepthMax: config.proxyJsonDepthMax,
    batchMessagesMax: config.proxyBatchMessagesMax,
    streamsMax: config.proxyStreamsMax,
    headTimeoutMs: config.upstreamHeadTimeoutMs,
    idleTimeoutMs: config.upstreamIdleTimeoutMs,
    stallTimeoutMs: config.proxyStallTimeoutMs,
    longStreamMs: config.proxyLongStreamMs,
    attemptsMax: config.upstreamAttemptsMax,
  };
}

/** What of the settings concerns access tokens. */
export function tokenOptions(config: DataPlaneConfig): TokenOptions {
  return {
    cacheTokensMax: config.tokenCacheTokensMax,
    cacheBytesMax: config.tokenCacheBytesMax,
    verificationsMax: config.tokenVerificationsMax,
    verificationsWaitingMax: config.tokenVerificationsWaitingMax,
    clockSkewMs: config.tokenClockSkewMs,
  };
}

/** What of the settings concerns the socket that agents connect to. */
export function listenerOptions(config: DataPlaneConfig): ListenerOptions {
  const { proxyCertificateFile: certificate, proxyKeyFile: key } = config;
  const tls =
    certificate === undefined || key === undefined
      ? undefined
      : { cert: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
  return {
    host: config.proxyHost,
    port: config.proxyPort,
    tls,
    headerBytesMax: config.proxyHeaderBytesMax,
    headersMax: config.proxyHeadersMax,
    headersTimeoutMs: config.proxyHeadersTimeoutMs,
    requestTimeoutMs: config.proxyRequestTimeoutMs,
    keepAliveTimeoutMs: config.proxyKeepAliveTimeoutMs,
    connectionsMax: config.proxyConnectionsMax,
    clientBufferBytes: config.proxyClientBufferBytes,
    stallTimeoutMs: config.proxyStallTimeoutMs,
    lingerTimeoutMs: config.proxyLingerTimeoutMs,
    lingerBytesMax: config.proxyLingerBytesMax,
  };
}
