import { type buildConnector, Client } from 'undici';
import {
  type Connection,
  type ExchangeKind,
  HttpExchange,
  type HttpExchangeRequest,
} from './http-exchange.ts';
import type { SpentChunks } from './spent-chunks.ts';
import type { UpstreamMetrics } from './upstream-metrics.ts';
import type { UpstreamOptions } from './upstream-options.ts';
import type { UpstreamExchange, UpstreamFailure, UpstreamSink } from './upstream-transport.ts';

function ignore(): void {}

/**
 * The connections to one endpoint. Calls and streams have bounds of their own, so that open streams
 * never keep a short call waiting; a call whose answer turns out to be an event stream changes over.
 *
 * Not undici's Pool: that one queues without a bound, can't forget a queued request, and looks through
 * every connection that it ever had for a free one, which thousands of streams make slow.
 */
export class ConnectionPool {
  readonly origin: string;
  readonly connectTimeoutMs: number;
  /** When it was last used, by the owner's clock. */
  usedAtMs = 0;
  readonly #connect: buildConnector.connector;
  readonly #options: UpstreamOptions;
  readonly #metrics: UpstreamMetrics;
  readonly #spent: SpentChunks;
  /** The last used is used first: the others get the chance to be closed for being idle. */
  readonly #idle: Connection[] = [];
  readonly #connections = new Set<Connection>();
  readonly #waiting = new Set<HttpExchange>();
  #calls = 0;
  #streams = 0;
  #closing = false;
  #onClosed: (() => void) | undefined;

  constructor(
    origin: string,
    connectTimeoutMs: number,
    connect: buildConnector.connector,
    options: UpstreamOptions,
    metrics: UpstreamMetrics,
    spent: SpentChunks,
  ) {
    this.origin = origin;
    this.connectTimeoutMs = connectTimeoutMs;
    this.#connect = connect;
    this.#options = options;
    this.#metrics = metrics;
    this.#spent = spent;
  }

  get inUse(): boolean {
    return this.#calls + this.#streams > 0 || this.#waiting.size > 0;
  }

  get calls(): number {
    return this.#calls;
  }

  get streams(): number {
    return this.#streams;
  }

  get queued(): number {
    return this.#waiting.size;
  }

  /** Opens the exchange now, when a place becomes free, or refuses it: never more than the bounds. */
  open(request: HttpExchangeRequest, kind: ExchangeKind, sink: UpstreamSink): UpstreamExchange {
    const exchange = new HttpExchange(this, request, kind, sink);
    if (this.#closing) {
      exchange.refuse('endpoint_unavailable', 'the endpoint is being closed');
    } else if (this.#hasPlace(kind)) {
      this.#start(exchange);
    } else if (kind === 'call' && this.#waiting.size < this.#options.queuedCallsMax) {
      this.#waiting.add(exchange);
    } else {
      exchange.refuse('endpoint_unavailable', `too many ${kind}s of this endpoint are open`);
    }
    return exchange;
  }

  /** The exchange is an event stream from now on and leaves its place to a waiting call. */
  becameStream(exchange: HttpExchange): void {
    if (this.#streams >= this.#options.streamsMax) return;
    exchange.kind = 'stream';
    this.#calls -= 1;
    this.#streams += 1;
    this.#startNext();
  }

  /**
   * The exchange has ended.
   *
   * @param connection what it ran on; undefined when it never got a place.
   * @param reusable whether another exchange can follow on that connection.
   */
  release(exchange: HttpExchange, connection: Connection | undefined, reusable: boolean): void {
    if (connection === undefined) {
      this.#waiting.delete(exchange);
    } else {
      connection.exchange = undefined;
      if (exchange.kind === 'call') this.#calls -= 1;
      else this.#streams -= 1;
      if (reusable && !this.#closing) this.#idle.push(connection);
      else this.#drop(connection, reusable);
      this.#startNext();
    }
    if (this.#closing && !this.inUse) this.#onClosed?.();
  }

  failed(failure: UpstreamFailure): void {
    this.#metrics.failed(failure.reason);
  }

  received(bytes: number): void {
    this.#spent.add(bytes);
  }

  /** Takes nothing new, lets what runs come to its end, then closes the connections. */
  async drain(): Promise<void> {
    this.#closing = true;
    if (this.inUse) {
      await new Promise<void>((resolve) => {
        this.#onClosed = resolve;
      });
    }
    await Promise.all(this.#idle.splice(0).map(({ client }) => client.close()));
  }

  /** Ends everything that runs or waits with `upstream_closed`, and closes the connections. */
  async close(): Promise<void> {
    this.#closing = true;
    const clients = [...this.#connections].map(({ client }) => client);
    const running = [...this.#connections].flatMap(({ exchange }) => exchange ?? []);
    for (const exchange of [...this.#waiting, ...running]) {
      exchange.refuse('upstream_closed', 'the node closes its connections');
    }
    await Promise.all(clients.map((client) => client.destroy()));
  }

  #hasPlace(kind: ExchangeKind): boolean {
    return kind === 'call'
      ? this.#waiting.size === 0 && this.#calls < this.#options.callsMax
      : this.#streams < this.#options.streamsMax;
  }

  #start(exchange: HttpExchange): void {
    const connection = this.#idle.pop() ?? this.#connection();
    connection.exchange = exchange;
    if (exchange.kind === 'call') this.#calls += 1;
    else this.#streams += 1;
    exchange.start(connection);
  }

  #startNext(): void {
    if (this.#waiting.size === 0) return;
    // This runs within the answer of another exchange, where undici's parser must not be entered again.
    queueMicrotask(() => {
      while (this.#calls < this.#options.callsMax) {
        const [next] = this.#waiting;
        if (next === undefined) return;
        this.#waiting.delete(next);
        this.#start(next);
      }
    });
  }

  #connection(): Connection {
    const client = new Client(this.origin, {
      connect: this.#connect,
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: this.#options.keepAliveTimeoutMs,
      keepAliveMaxTimeout: this.#options.keepAliveTimeoutMs,
      maxHeaderSize: this.#options.responseHeadersBytesMax,
    });
    const connection: Connection = { client, exchange: undefined };
    client.on('disconnect', () => this.#forget(connection));
    this.#connections.add(connection);
    return connection;
  }

  /** An idle connection was closed by either side. */
  #forget(connection: Connection): void {
    const index = this.#idle.indexOf(connection);
    if (index < 0) return;
    this.#idle.splice(index, 1);
    this.#drop(connection, false);
  }

  #drop(connection: Connection, graceful: boolean): void {
    this.#connections.delete(connection);
    if (graceful) connection.client.close(ignore);
    else connection.client.destroy(null, ignore);
  }
}
