import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { ConfigDiscoveryHandlers } from '../../proto/gen/mcpgw/discovery/v1/ConfigDiscovery.ts';
import type { ControlMessageInput } from '../../proto/gen/mcpgw/discovery/v1/ControlMessage.ts';
import type { NodeMessage } from '../../proto/gen/mcpgw/discovery/v1/NodeMessage.ts';
import type { ConfigSource } from './config-source.ts';
import { MessageChannel } from './message-channel.ts';
import { NodeSession, type NodeSessionLimits } from './node-session.ts';
import type { NodeStatusWriter } from './node-status-writer.ts';
import type { NodeStreams } from './node-streams.ts';
import { RejectionRegistry } from './rejection-registry.ts';

/** A source that says when it has moved. */
export interface FollowedConfigSource extends ConfigSource {
  subscribe(listener: (event: { readonly tokens: boolean }) => void): () => void;
}

export interface ConfigDiscoveryServiceOptions {
  readonly source: FollowedConfigSource;
  readonly streams: NodeStreams;
  readonly status: NodeStatusWriter;
  readonly limits: NodeSessionLimits;
  readonly nowMs: () => number;
}

/** How many builds' rejections are remembered for each group, and how many of each. */
const rejectionBounds = { buildsMax: 64, rejectionsMax: 10_000 };

/** `mcpgw.discovery.v1.ConfigDiscovery`: one session for each stream, all woken by the source. */
export class ConfigDiscoveryService {
  readonly handlers: ConfigDiscoveryHandlers;
  readonly #options: ConfigDiscoveryServiceOptions;
  readonly #sessions = new Set<NodeSession>();
  readonly #rejections = new RejectionRegistry(rejectionBounds);
  readonly #heartbeat: NodeJS.Timeout;
  readonly #unsubscribe: () => void;

  constructor(options: ConfigDiscoveryServiceOptions) {
    this.#options = options;
    this.handlers = { StreamConfig: (call) => this.#stream(call) };
    this.#heartbeat = setInterval(() => {
      for (const session of this.#sessions) session.heartbeat();
    }, options.limits.heartbeatIntervalMs);
    this.#unsubscribe = options.source.subscribe(({ tokens }) => {
      // First the tokens: who was cut off gets nothing more.
      if (tokens) options.streams.recheck();
      for (const session of this.#sessions) session.wake();
    });
  }

  /** Stops following the source; the streams are ended by whoever owns `streams`. */
  close(): void {
    clearInterval(this.#heartbeat);
    this.#unsubscribe();
  }

  #stream(call: ServerDuplexStream<NodeMessage, ControlMessageInput>): void {
    const { source, streams, status, limits, nowMs } = this.#options;
    const channel = new MessageChannel(call);
    streams.serve(channel, call.metadata, async (principal) => {
      const session = new NodeSession({
        channel,
        principal,
        source,
        rejections: this.#rejections,
        limits,
        openStatus: (hello) => status.open(principal, hello),
        nowMs,
      });
      this.#sessions.add(session);
      try {
        await session.run();
      } finally {
        this.#sessions.delete(session);
      }
    });
  }
}
