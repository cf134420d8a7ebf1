import { Client } from 'pg';
import type { Logger } from '../../common/logging.ts';
import { clientConfig, type DatabaseConnection } from './database-connection.ts';
import { channels } from './notify.ts';

export interface FeedEvents {
  /** The database stands at this revision, which may be lower than before when it was restored. */
  readonly config: { readonly revision: number; readonly reconnected: boolean };
  /** There are new records of these organizations; `many`: of some, read again whatever is shown. */
  readonly requestLogs: { readonly organizationIds: readonly string[] | 'many' };
  /** What is known of some node has changed. */
  readonly nodes: { readonly reconnected: boolean };
  /** This audit chain has a new entry; `many`: some have. */
  readonly audit: { readonly chainId: string };
}
export type FeedTopic = keyof FeedEvents;
export type FeedListener<Topic extends FeedTopic> = (event: FeedEvents[Topic]) => void;

export interface ChangeFeedOptions {
  /** The system role's. */
  readonly connection: DatabaseConnection;
  readonly logger: Logger;
  /** How often to look besides notifications; default 1,000. */
  readonly pollIntervalMs?: number;
  /** How long a look may take before the connection counts as lost; default 5,000. */
  readonly readTimeoutMs?: number;
  /** First and longest wait between attempts to reconnect; defaults 50 and 5,000. */
  readonly reconnectDelayMinMs?: number;
  readonly reconnectDelayMaxMs?: number;
  readonly now?: () => number;
  readonly random?: () => number;
}

/** What a poll sees; a difference without a notification means that one was lost. */
interface Marks {
  readonly revision: number;
  readonly events: string;
  readonly nodes: string;
  readonly audit: string;
}

const marksQuery = `
select (select revision from platform_state)::text as revision,
  (select coalesce(sum(sequence), 0) from event_watermarks)::text as events,
  (select coalesce(max(extract(epoch from updated_at)), 0) from nodes)::text as nodes,
  (select coalesce(sum(sequence), 0) from audit_chains)::text as audit`;

type Listeners = { readonly [Topic in FeedTopic]: Set<FeedListener<Topic>> };

/**
 * Tells a process what others commit: one dedicated connection listens for notifications and polls
 * besides, so that a lost notification delays and never loses. After a lost connection it reconnects with
 * growing delays and then tells every listener to read again. Listeners are called at once and must not
 * block; what they throw is logged.
 */
export class ChangeFeed {
  readonly #options: Required<ChangeFeedOptions>;
  readonly #listeners: Listeners = {
    config: new Set(),
    requestLogs: new Set(),
    nodes: new Set(),
    audit: new Set(),
  };
  /** Topics that a notification came for since the last read. */
  readonly #heardOf = new Set<FeedTopic>();
  #client: Client | undefined;
  #connecting: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #marks: Marks | undefined;
  #lastReadAtMs: number | undefined;
  #failures = 0;
  #closed = false;

  private constructor(options: ChangeFeedOptions) {
    this.#options = {
      pollIntervalMs: 1000,
      readTimeoutMs: 5000,
      reconnectDelayMinMs: 50,
      reconnectDelayMaxMs: 5000,
      now: Date.now,
      random: Math.random,
      ...options,
    };
  }

  /** Connects, and resolves after the first successful read. @throws when the server can't be reached. */
  static async open(options: ChangeFeedOptions): Promise<ChangeFeed> {
    const feed = new ChangeFeed(options);
    try {
      await feed.#startConnecting();
    } catch (error) {
      await feed.close();
      throw error;
    }
    return feed;
  }

  /** Calls `listener` for each event of a topic until the returned function is called. */
  on<Topic extends FeedTopic>(topic: Topic, listener: FeedListener<Topic>): () => void {
    this.#listeners[topic].add(listener);
    return () => {
      this.#listeners[topic].delete(listener);
    };
  }

  /** Whether the connection stands; while it doesn't, nothing is heard. */
  get connected(): boolean {
    return this.#client !== undefined;
  }

  /** When the last read that succeeded was begun, in milliseconds since the Unix epoch. */
  get lastReadAtMs(): number | undefined {
    return this.#lastReadAtMs;
  }

  /** Revision that the database had then, or that a notification has named since. */
  get revision(): number {
    return this.#marks?.revision ?? 0;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    for (const listeners of Object.values(this.#listeners)) listeners.clear();
    await this.#connecting.catch(() => undefined);
    await client?.end();
  }

  #startConnecting(): Promise<void> {
    this.#connecting = this.#connect();
    return this.#connecting;
  }

  async #connect(): Promise<void> {
    const client = new Client({
      ...clientConfig(this.#options.connection, 'mcpgw-feed'),
      connectionTimeoutMillis: this.#options.readTimeoutMs,
      query_timeout: this.#options.readTimeoutMs,
      keepAlive: true,
    });
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client, new Error('The connection ended.')));
    client.on('notification', (message) => this.#heard(message.channel, message.payload ?? ''));
    try {
      await client.connect();
      // First listen, then read: what is committed in between is heard, and read once more.
      for (const channel of Object.values(channels)) await client.query(`listen ${channel}`);
      await this.#read(client, true);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    if (this.#closed) {
      await client.end();
      return;
    }
    this.#client = client;
    this.#failures = 0;
    this.#schedulePoll(client);
  }

  #schedulePoll(client: Client): void {
    if (this.#closed || this.#client !== client) return;
    this.#timer = setTimeout(() => {
      this.#read(client, false).then(
        () => this.#schedulePoll(client),
        (error: Error) => this.#lost(client, error),
      );
    }, this.#options.pollIntervalMs);
  }

  async #read(client: Client, connecting: boolean): Promise<void> {
    const begunAtMs = this.#options.now();
    const before = this.#marks;
    const { rows } = await client.query<Record<keyof Marks, string>>(marksQuery);
    const row = rows[0];
    if (row === undefined) throw new Error('The database has no platform state.');
    // A notification that came while the query ran may name a later revision than it saw.
    const heard = this.#marks === before ? 0 : (this.#marks?.revision ?? 0);
    const marks = { ...row, revision: Math.max(Number(row.revision), heard) };
    this.#marks = marks;
    this.#lastReadAtMs = begunAtMs;
    this.#announce(before, marks, connecting);
    this.#heardOf.clear();
  }

  /** Tells what a read has found and no notification has told; on a new connection, everything. */
  #announce(before: Marks | undefined, marks: Marks, connecting: boolean): void {
    const reconnected = connecting && before !== undefined;
    const missed = (topic: FeedTopic, changed: boolean) =>
      connecting || (changed && !this.#heardOf.has(topic));
    if (connecting || before?.revision !== marks.revision) {
      this.#emit('config', { revision: marks.revision, reconnected });
    }
    if (missed('requestLogs', before?.events !== marks.events)) {
      this.#emit('requestLogs', { organizationIds: 'many' });
    }
    if (missed('nodes', before?.nodes !== marks.nodes)) this.#emit('nodes', { reconnected });
    if (missed('audit', before?.audit !== marks.audit)) this.#emit('audit', { chainId: 'many' });
  }

  #heard(channel: string, payload: string): void {
    switch (channel) {
      case channels.config: {
        const revision = Number(payload);
        if (!Number.isSafeInteger(revision)) return;
        if (this.#marks !== undefined) this.#marks = { ...this.#marks, revision };
        this.#emit('config', { revision, reconnected: false });
        return;
      }
      case channels.requestLogs:
        this.#heardOf.add('requestLogs');
        this.#emit('requestLogs', {
          organizationIds: payload === '' ? 'many' : payload.split(','),
        });
        return;
      case channels.audit:
        this.#heardOf.add('audit');
        this.#emit('audit', { chainId: payload });
        return;
      default:
        this.#heardOf.add('nodes');
        this.#emit('nodes', { reconnected: false });
    }
  }

  #emit<Topic extends FeedTopic>(topic: Topic, event: FeedEvents[Topic]): void {
    for (const listener of this.#listeners[topic]) {
      try {
        listener(event);
      } catch (error) {
        this.#options.logger.error({ err: error, topic }, 'a listener of the change feed failed');
      }
    }
  }

  #lost(client: Client, error: Error): void {
    if (this.#closed || this.#client !== client) return;
    this.#options.logger.warn({ err: error }, 'the change feed lost its connection');
    this.#client = undefined;
    clearTimeout(this.#timer);
    client.end().catch(() => undefined);
    this.#scheduleReconnect();
  }

  #scheduleReconnect(): void {
    if (this.#closed) return;
    const { reconnectDelayMinMs, reconnectDelayMaxMs, random } = this.#options;
    const delayMs = Math.min(reconnectDelayMinMs * 2 ** this.#failures, reconnectDelayMaxMs);
    this.#failures += 1;
    // Half of the delay is left to chance, so that replicas don't all come back in the same moment.
    this.#timer = setTimeout(
      () => {
        this.#startConnecting().catch((error: Error) => {
          this.#options.logger.warn({ err: error }, 'the change feed could not reconnect');
          this.#scheduleReconnect();
        });
      },
      delayMs * (0.5 + random() / 2),
    );
  }
}
