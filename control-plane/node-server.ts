import { contracts } from '../common/contracts.ts';
import type { Logger } from '../common/logging.ts';
import {
  ConfigDiscoveryService,
  type FollowedConfigSource,
} from './discovery/config-discovery-service.ts';
import {
  createGrpcServer,
  type GrpcServer,
  type GrpcServerOptions,
} from './discovery/grpc-server.ts';
import { NodeAuthenticator } from './discovery/node-authenticator.ts';
import { NodeStatusWriter } from './discovery/node-status-writer.ts';
import { NodeStreams } from './discovery/node-streams.ts';
import { EventIngestService } from './ingest/event-ingest-service.ts';
import { KeyUsage } from './ingest/key-usage.ts';
import type { Store } from './store/store.ts';

/** Everything optional has the default that its comment says. */
export interface NodeServerOptions {
  readonly store: Store;
  /** The compiled configuration: `ConfigState`. */
  readonly source: FollowedConfigSource;
  readonly logger: Logger;
  readonly nowMs: () => number;
  /** Names this replica among all that ever ran, such as a random id made at start. */
  readonly replica: string;
  readonly grpc: Omit<GrpcServerOptions, 'services'>;
  /** Open streams of all nodes; a node holds two. 5,000. */
  readonly streamsMax?: number;
  /** Open streams of one node token. 64. */
  readonly streamsPerTokenMax?: number;
  /** Streams whose token is being looked up. 200. */
  readonly authenticatingMax?: number;
  /** How often the tokens of open streams are looked at again. 5,000. */
  readonly tokenRecheckIntervalMs?: number;
  /** Time from opening a stream to hello. 10,000. */
  readonly helloTimeoutMs?: number;
  /** Time from a range's commit marker to its acknowledgment. 30,000. */
  readonly acknowledgmentTimeoutMs?: number;
  /** Time for each part of a version list. 30,000. */
  readonly versionListTimeoutMs?: number;
  /** Versions that one node may list. 1,000,000. */
  readonly versionListMax?: number;
  /** Size at which a chunk of a range is closed, in bytes. 262,144. */
  readonly chunkBytes?: number;
  /** 1,000. */
  readonly heartbeatIntervalMs?: number;
  /** How long the states of nodes collect before they are written. 250. */
  readonly nodeStatusFlushIntervalMs?: number;
  /** After how long a node's row that no replica renews shows as disconnected. 15,000. */
  readonly nodeLeaseMs?: number;
  /** Events of one batch. 20,000. */
  readonly batchEventsMax?: number;
  /** How long uses of API keys collect before they are written. 10,000. */
  readonly keyUsageFlushIntervalMs?: number;
}

/**
 * What nodes connect to: configuration discovery and event ingest on one port. Closing it ends every
 * stream, writes what is left of node states and key uses, and frees the port.
 * @throws when the port can't be bound, or lies beyond loopback without TLS.
 */
export async function createNodeServer(options: NodeServerOptions): Promise<GrpcServer> {
  const { store, source, logger, nowMs, replica } = options;
  const streams = new NodeStreams({
    authenticator: new NodeAuthenticator({ store, nowMs }),
    logger,
    nowMs,
    streamsMax: options.streamsMax ?? 5000,
    streamsPerTokenMax: options.streamsPerTokenMax ?? 64,
    authenticatingMax: options.authenticatingMax ?? 200,
    recheckIntervalMs: options.tokenRecheckIntervalMs ?? 5000,
  });
  const status = new NodeStatusWriter({
    store,
    logger,
    nowMs,
    replica,
    flushIntervalMs: options.nodeStatusFlushIntervalMs ?? 250,
    leaseMs: options.nodeLeaseMs ?? 15_000,
  });
  const keyUsage = new KeyUsage({
    store,
    logger,
    flushIntervalMs: options.keyUsageFlushIntervalMs ?? 10_000,
  });
  const discovery = new ConfigDiscoveryService({
    source,
    streams,
    status,
    nowMs,
    limits: {
      helloTimeoutMs: options.helloTimeoutMs ?? 10_000,
      acknowledgmentTimeoutMs: options.acknowledgmentTimeoutMs ?? 30_000,
      versionListTimeoutMs: options.versionListTimeoutMs ?? 30_000,
      versionListMax: options.versionListMax ?? 1_000_000,
      rejectedMax: 1000,
      chunkBytes: options.chunkBytes ?? 256 * 1024,
      heartbeatIntervalMs: options.heartbeatIntervalMs ?? 1000,
    },
  });
  const ingest = new EventIngestService({
    store,
    streams,
    keyUsage,
    logger,
    batchEventsMax: options.batchEventsMax ?? 20_000,
  });
  const release = async () => {
    discovery.close();
    await streams.close();
    await Promise.all([status.close(), keyUsage.close()]);
  };
  try {
    const server = await createGrpcServer({
      ...options.grpc,
      services: [
        {
          definition: contracts.discovery.ConfigDiscovery.service,
          handlers: discovery.handlers,
        },
        { definition: contracts.events.EventIngest.service, handlers: ingest.handlers },
      ],
    });
    return {
      address: server.address,
      port: server.port,
      close: async () => {
        const closed = server.close();
        await release();
        await closed;
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}
