import type { lookup } from 'node:dns';
import type { buildConnector } from 'undici';
import { ConnectionPool } from './connection-pool.ts';
import { SpentChunks } from './spent-chunks.ts';
import { upstreamConnector } from './upstream-connector.ts';
import { requestHeaders } from './upstream-headers.ts';
import type { UpstreamMetrics } from './upstream-metrics.ts';
import type { UpstreamOptions } from './upstream-options.ts';
import type {
  UpstreamExchange,
  UpstreamRequest,
  UpstreamSink,
  UpstreamTransport,
} from './upstream-transport.ts';

export interface StreamableHttpTransportOptions {
  readonly bounds: UpstreamOptions;
  readonly metrics: UpstreamMetrics;
  /** Monotonic, in milliseconds. */
  readonly clockMs: () => number;
  /** What asks the resolver; undefined: the system's. */
  readonly resolve?: typeof lookup;
}

interface PoolSums {
  readonly calls: number;
  readonly streams: number;
  readonly queued: number;
  readonly pools: number;
}

function closed(exchange: Promise<void>): void {
  // Closing a connection reports no error that anybody could act on.
  exchange.catch(() => undefined);
}

/**
 * Streamable HTTP of either era over HTTP/1.1, http and https. Each endpoint has connections of its own,
 * also where two share an origin: one tenant's slow server takes nothing from another's.
 *
 * Redirects are relayed as they are, never followed. TLS certificates are always verified.
 */
export class StreamableHttpTransport implements UpstreamTransport {
  readonly #options: StreamableHttpTransportOptions;
  readonly #pools = new Map<string, ConnectionPool>();
  /** Pools that serve their last exchanges. */
  readonly #draining = new Set<ConnectionPool>();
  readonly #connectors = new Map<number, buildConnector.connector>();
  readonly #spent = new SpentChunks();
  readonly #pruneTimer: NodeJS.Timeout;

  constructor(options: StreamableHttpTransportOptions) {
    this.#options = options;
    this.#pruneTimer = setInterval(() => this.prune(), options.bounds.poolIdleMs);
    this.#pruneTimer.unref();
  }

  open(request: UpstreamRequest, sink: UpstreamSink): UpstreamExchange {
    const { endpoint, server, method, body, headTimeoutMs, idleTimeoutMs } = request;
    const headers = requestHeaders(request.headers, server.credential);
    const pool = this.#pool(request);
    const path = endpoint.url.pathname + endpoint.url.search;
    // Without an idle bound it is meant to stay: a GET stream, or `subscriptions/listen`.
    const kind = method === 'GET' || idleTimeoutMs === 0 ? 'stream' : 'call';
    return pool.open(
      { method, path, headers, body: body ?? null, headTimeoutMs, idleTimeoutMs },
      kind,
      sink,
    );
  }

  /** Gives back the pools that nobody used for a while, such as those of endpoints that are gone. */
  prune(): void {
    const oldestMs = this.#options.clockMs() - this.#options.bounds.poolIdleMs;
    for (const [id, pool] of this.#pools) {
      if (!pool.inUse && pool.usedAtMs <= oldestMs) this.#retire(id, pool);
    }
  }

  sums(): PoolSums {
    let [calls, streams, queued] = [0, 0, 0];
    for (const pool of [...this.#pools.values(), ...this.#draining]) {
      calls += pool.calls;
      streams += pool.streams;
      queued += pool.queued;
    }
    return { calls, streams, queued, pools: this.#pools.size };
  }

  /** Ends every exchange with `upstream_closed` and closes all connections. */
  async close(): Promise<void> {
    clearInterval(this.#pruneTimer);
    const pools = [...this.#pools.values(), ...this.#draining];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.close()));
  }

  #pool(request: UpstreamRequest): ConnectionPool {
    const { bounds, clockMs, metrics } = this.#options;
    const { id, url } = request.endpoint;
    const connectTimeoutMs = request.server.connectTimeoutMs ?? bounds.connectTimeoutMs;
    let pool = this.#pools.get(id);
    if (pool === undefined || !isFor(pool, url, connectTimeoutMs)) {
      if (pool !== undefined) this.#retire(id, pool);
      const connector = this.#connector(connectTimeoutMs);
      pool = new ConnectionPool(
        url.origin,
        connectTimeoutMs,
        connector,
        bounds,
        metrics,
        this.#spent,
      );
      this.#pools.set(id, pool);
    }
    pool.usedAtMs = clockMs();
    return pool;
  }

  #retire(id: string, pool: ConnectionPool): void {
    this.#pools.delete(id);
    this.#draining.add(pool);
    closed(pool.drain().finally(() => this.#draining.delete(pool)));
  }

  /** One for each time-out in use, so that TLS sessions are resumed over all endpoints. */
  #connector(connectTimeoutMs: number): buildConnector.connector {
    let connector = this.#connectors.get(connectTimeoutMs);
    if (connector === undefined) {
      connector = upstreamConnector(this.#options, connectTimeoutMs);
      this.#connectors.set(connectTimeoutMs, connector);
    }
    return connector;
  }
}

function isFor(pool: ConnectionPool, url: URL, connectTimeoutMs: number): boolean {
  return pool.connectTimeoutMs === connectTimeoutMs && pool.origin === url.origin;
}
