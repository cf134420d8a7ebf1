import { status as grpcStatus, type ServiceError } from '@grpc/grpc-js';
import { contracts } from '../../common/contracts.ts';
import type { Logger } from '../../common/logging.ts';
import type { Welcome } from '../../proto/gen/mcpgw/discovery/v1/Welcome.ts';
import { Backoff } from '../connection/backoff.ts';
import {
  ControlPlaneConnection,
  type ControlPlaneConnectionOptions,
  tokenMetadata,
} from '../connection/control-plane-connection.ts';
import { InterruptibleWait } from '../connection/interruptible-wait.ts';
import type { NodeCredential } from '../connection/node-credential.ts';
import { DiskCache, type DiskCacheOptions, readDiskCache } from '../snapshot/disk-cache.ts';
import type { CompleteRange } from '../snapshot/range-assembler.ts';
import { ResourceState } from '../snapshot/resource-state.ts';
import type { SnapshotHolder } from '../snapshot/snapshot-holder.ts';
import { ConfigStream, type StreamFault } from './config-stream.ts';
import { type FreshnessFileOptions, readFreshness, writeFreshness } from './freshness-file.ts';
import { Staleness } from './staleness.ts';
import { ageOf, type MachineClock, witness } from './witnessed-time.ts';

export interface ConfigClientOptions {
  readonly connection: ControlPlaneConnectionOptions;
  readonly credential: NodeCredential;
  /** Where the node's snapshots are published. */
  readonly holder: SnapshotHolder;
  /** File of the disk cache; its folder exists. */
  readonly cacheFile: string;
  /** Least time between two writes of the disk cache; 1,000 is sensible. */
  readonly cacheWriteIntervalMs: number;
  /** Largest disk cache; 512 MB is sensible. */
  readonly cacheBytesMax: number;
  /** File that says when the cache was last known to be current; its folder exists. */
  readonly freshnessFile: string;
  /** How often that is written; 10,000 is sensible. */
  readonly freshnessIntervalMs: number;
  /** Clocks that outlive the process. */
  readonly machineClock: MachineClock;
  /** One running process; a restarted node has another. */
  readonly instanceId: string;
  /** Version of the node's software. */
  readonly build: string;
  /** URL at which the node serves agents, shown to admins; may be empty. */
  readonly advertisedUrl: string;
  /** How long a node with a cache waits for the stream before it serves from the cache; 2,000. */
  readonly startWaitMs: number;
  /** Bound on the time from connecting to the control plane's first message; 10,000. */
  readonly welcomeTimeoutMs: number;
  /** So many heartbeats may be missed before the stream counts as dead; 3. */
  readonly heartbeatsMissedMax: number;
  /** Bound on the first wait before connecting again; 100. */
  readonly reconnectFirstMs: number;
  readonly reconnectMaxMs: number;
  /** Wait after the control plane refused the node's token; 30,000. */
  readonly refusedRetryMs: number;
  /** Largest revision range, in bytes of its resources; 256 MB is sensible. */
  readonly rangeBytesMax: number;
  readonly logger: Logger;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export type ConnectionState = 'connecting' | 'connected' | 'refused' | 'waiting' | 'closed';

/** What admins see of the node's side of discovery. */
export interface ConfigClientStatus {
  readonly connection: ConnectionState;
  /** Replica that the node speaks to or tried last. */
  readonly address: string;
  readonly nodeName: string;
  readonly nodeId: string;
  readonly nodeGroup: string;
  /** Age of the node's view, in a node that started from its cache too; undefined: unknown. */
  readonly stalenessMs: number | undefined;
  readonly lastError: string;
  readonly streamsTotal: number;
  readonly rangesTotal: number;
  /** Revision in the disk cache, as far as this process wrote it. */
  readonly cachedRevision: number | undefined;
  /** The snapshot in force came from the disk cache and hasn't been confirmed by the control plane. */
  readonly fromCache: boolean;
}

type StreamEnd = {
  readonly kind: StreamFault['kind'] | 'lost' | 'refused' | 'ended';
  readonly detail: string;
};

function streamEnd(error: unknown): StreamEnd {
  const { code, details, message } = error as Partial<ServiceError>;
  const detail = details ?? message ?? String(error);
  const isRefusal = code === grpcStatus.UNAUTHENTICATED || code === grpcStatus.PERMISSION_DENIED;
  return { kind: isRefusal ? 'refused' : 'lost', detail };
}

/**
 * Keeps the node's configuration current: from the disk cache at start, then over one stream to one
 * replica of the control plane at a time. Whatever happens to the stream, the last good snapshot serves.
 */
export class ConfigClient {
  readonly #options: ConfigClientOptions;
  readonly #connection: ControlPlaneConnection;
  readonly #cacheOptions: DiskCacheOptions;
  readonly #cache: DiskCache;
  readonly #backoff: Backoff;
  readonly #pause = new InterruptibleWait();
  readonly #startWait = new InterruptibleWait();
  readonly #staleness = new Staleness();
  readonly #freshnessOptions: FreshnessFileOptions;
  #state = ResourceState.empty();
  #stream: ConfigStream | undefined;
  #running: Promise<void> | undefined;
  #stopCredential: (() => void) | undefined;
  #closed = false;
  #confirmed = false;
  /** The stream that is open has brought a range, so that the node holds what it speaks of. */
  #streamConfirmed = false;
  #cachedRevision: number | undefined;
  #freshnessTimer: NodeJS.Timeout | undefined;
  #keeping: Promise<void> | undefined;
  #fromNothing = false;
  #attempts = 0;
  #connectionState: ConnectionState = 'connecting';
  #welcome: Welcome | undefined;
  #lastError = '';
  #streamsTotal = 0;
  #rangesTotal = 0;

  constructor(options: ConfigClientOptions) {
    this.#options = options;
    this.#connection = new ControlPlaneConnection(options.connection);
    this.#cacheOptions = {
      file: options.cacheFile,
      secret: () => options.credential.token(),
      build: options.build,
      writeIntervalMs: options.cacheWriteIntervalMs,
      fileBytesMax: options.cacheBytesMax,
      logger: options.logger,
      now: options.now,
    };
    this.#cache = new DiskCache(this.#cacheOptions);
    this.#freshnessOptions = {
      file: options.freshnessFile,
      secret: () => options.credential.token(),
      logger: options.logger,
    };
    this.#backoff = new Backoff({
      firstMs: options.reconnectFirstMs,
      maxMs: options.reconnectMaxMs,
      random: options.random,
    });
  }

  /** Everything that the node holds, also what it can't use. */
  state(): ResourceState {
    return this.#state;
  }

  /** Age of the view that calls are decided by, in milliseconds; undefined: unknown. */
  viewAgeMs(): number | undefined {
    return this.#staleness.ms(this.#options.now());
  }

  status(): ConfigClientStatus {
    return {
      connection: this.#connectionState,
      address: this.#connection.address(this.#attempts),
      nodeName: this.#welcome?.nodeName ?? '',
      nodeId: this.#welcome?.nodeId ?? '',
      nodeGroup: this.#welcome?.nodeGroup ?? '',
      stalenessMs: this.viewAgeMs(),
      lastError: this.#lastError,
      streamsTotal: this.#streamsTotal,
      rangesTotal: this.#rangesTotal,
      cachedRevision: this.#cache.writtenRevision,
      fromCache: !this.#confirmed && this.#options.holder.current() !== undefined,
    };
  }

  /**
   * Reads the cache and connects. Resolves once the control plane's state is in force, or after
   * `startWaitMs` with the cache's in force, if there is one; it goes on trying either way.
   */
  async start(): Promise<void> {
    const cached = await readDiskCache(this.#cacheOptions);
    if (cached !== undefined) await this.#restore(cached);
    this.#stopCredential = this.#options.credential.onChange(() => this.#credentialChanged());
    this.#freshnessTimer = setInterval(
      () => void this.#keepFreshness(),
      this.#options.freshnessIntervalMs,
    );
    const waited = this.#startWait.wait(this.#options.startWaitMs);
    this.#running = this.#run();
    await waited;
    if (this.#confirmed || this.#closed) return;
    if (this.#state.snapshot === undefined) {
      this.#options.logger.warn(
        {},
        'no configuration yet: the control plane is not reached and there is no cache',
      );
      return;
    }
    const { epoch, revision } = this.#state;
    this.#options.logger.warn({ epoch, revision }, 'serving from the cached configuration');
    this.#options.holder.publish(this.#state.snapshot);
  }

  /** Ends the stream and leaves the last state on disk. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopCredential?.();
    clearInterval(this.#freshnessTimer);
    this.#stream?.cancel();
    this.#pause.interrupt();
    this.#startWait.interrupt();
    await this.#running;
    await this.#cache.flush();
    await this.#keeping;
    await this.#writeFreshness();
    this.#connectionState = 'closed';
  }

  /** A view whose age can't be told is kept, and serves whom it doesn't matter to. */
  async #restore(cached: ResourceState): Promise<void> {
    this.#state = cached;
    this.#cachedRevision = cached.revision;
    const freshness = await readFreshness(this.#freshnessOptions);
    if (freshness?.epoch !== cached.epoch || freshness.revision > cached.revision) return;
    const ageMs = ageOf(freshness.currentAt, this.#options.machineClock);
    this.#staleness.restore(ageMs, this.#options.now());
  }

  /** One at a time: while a slow disk is at it, the next waits for its turn. */
  async #keepFreshness(): Promise<void> {
    if (this.#keeping !== undefined) return;
    this.#keeping = this.#writeFreshness();
    await this.#keeping;
    this.#keeping = undefined;
  }

  /** Only of what the cache holds: an older cache must not pass for current. */
  async #writeFreshness(): Promise<void> {
    const { epoch, revision } = this.#state;
    const ageMs = this.viewAgeMs();
    const cached = this.#cache.writtenRevision ?? this.#cachedRevision;
    if (ageMs === undefined || epoch === '' || cached !== revision) return;
    const currentAt = witness(this.#options.machineClock, ageMs);
    await writeFreshness(this.#freshnessOptions, { epoch, revision, currentAt });
  }

  /** Revision that the node holds of the stream's database; -1: nothing that the stream has confirmed. */
  #appliedRevision(): number {
    const confirmed = this.#streamConfirmed && this.#state.epoch === this.#welcome?.epoch;
    return confirmed ? this.#state.revision : -1;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const end = await this.#connectOnce();
      if (this.#closed) return;
      this.#lastError = end.detail;
      this.#connectionState = end.kind === 'refused' ? 'refused' : 'waiting';
      this.#logEnd(end);
      this.#attempts += 1;
      await this.#pause.wait(this.#pauseMs(end));
    }
  }

  async #connectOnce(): Promise<StreamEnd> {
    const { credential } = this.#options;
    this.#connectionState = 'connecting';
    this.#streamConfirmed = false;
    this.#streamsTotal += 1;
    await credential.refresh();
    const client = new contracts.discovery.ConfigDiscovery(
      this.#connection.address(this.#attempts),
      this.#connection.credentials,
      this.#connection.channelOptions,
    );
    const call = client.streamConfig(tokenMetadata(credential.token()));
    this.#stream = new ConfigStream(
      call,
      {
        state: () => this.#state,
        welcomed: (welcome) => this.#welcomed(welcome),
        applied: (state, range) => this.#applied(state, range),
        heartbeat: (heartbeat) =>
          this.#staleness.observe(heartbeat, this.#options.now(), this.#appliedRevision()),
      },
      { ...this.#options, fromNothing: this.#fromNothing },
    );
    try {
      const fault = await this.#stream.run();
      return fault ?? { kind: 'ended', detail: 'the control plane closed the stream' };
    } catch (error) {
      return streamEnd(error);
    } finally {
      this.#stream = undefined;
      this.#staleness.streamEnded();
      client.close();
    }
  }

  #welcomed(welcome: Welcome): void {
    this.#welcome = welcome;
    this.#connectionState = 'connected';
    const { nodeName, nodeGroup, epoch, epochChanged } = welcome;
    const address = this.#connection.address(this.#attempts);
    this.#options.logger.info(
      { address, nodeName, nodeGroup, epoch },
      'connected to the control plane',
    );
    if (epochChanged) {
      const before = this.#state.epoch;
      this.#options.logger.warn({ before, epoch }, 'the database is another: reconciling in full');
    }
  }

  #applied(state: ResourceState, range: CompleteRange): void {
    const before = this.#state;
    this.#state = state;
    this.#rangesTotal += 1;
    this.#fromNothing = false;
    this.#lastError = '';
    this.#backoff.reset();
    this.#confirmed = true;
    this.#streamConfirmed = true;
    this.#staleness.applied(this.#appliedRevision());
    if (state.snapshot === undefined) {
      this.#options.logger.error(
        { revision: state.revision },
        'no usable seal key ring: nothing can be served',
      );
    } else {
      this.#options.holder.publish(state.snapshot);
    }
    this.#startWait.interrupt();
    const isNews =
      range.resources.length > 0 ||
      range.removed.length > 0 ||
      before.revision !== state.revision ||
      before.epoch !== state.epoch;
    if (isNews) this.#cache.schedule(state);
  }

  #credentialChanged(): void {
    // The cache is sealed with a key of the credential: with the next one it must open again.
    if (this.#state.epoch !== '') this.#cache.schedule(this.#state);
    this.#stream?.cancel();
    this.#backoff.reset();
    this.#pause.interrupt();
  }

  #pauseMs(end: StreamEnd): number {
    if (end.kind === 'refused')
      return this.#options.refusedRetryMs * (0.5 + this.#options.random());
    if (end.kind === 'digest_mismatch' && !this.#fromNothing) {
      this.#fromNothing = true;
      return 0;
    }
    return this.#backoff.nextMs();
  }

  #logEnd({ kind, detail }: StreamEnd): void {
    const address = this.#connection.address(this.#attempts);
    const fields = { address, kind, detail };
    const { logger } = this.#options;
    if (kind === 'refused') {
      logger.error(
        fields,
        'the control plane refuses this node’s token; the last configuration goes on serving',
      );
    } else if (kind === 'digest_mismatch') {
      logger.error(
        fields,
        'the node’s resources differ from the control plane’s; asking for all of them',
      );
    } else {
      logger.warn(fields, 'the stream from the control plane ended');
    }
  }
}

/**
 * Makes the node's configuration client; `start` begins.
 * @throws on an address that is none, or one beyond loopback without TLS.
 */
export function createConfigClient(options: ConfigClientOptions): ConfigClient {
  return new ConfigClient(options);
}
