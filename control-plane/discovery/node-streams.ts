import type { Metadata } from '@grpc/grpc-js';
import type { Logger } from '../../common/logging.ts';
import type { MessageChannel } from './message-channel.ts';
import type { NodeAuthenticator, NodePrincipal } from './node-authenticator.ts';
import { exhausted, StreamEnd, unauthenticated, unavailable } from './stream-end.ts';

export interface NodeStreamsOptions {
  readonly authenticator: NodeAuthenticator;
  readonly logger: Logger;
  readonly nowMs: () => number;
  /** Open streams of all nodes. */
  readonly streamsMax: number;
  /** Open streams of one token: one node, restarting, has two of each kind for a moment. */
  readonly streamsPerTokenMax: number;
  /** Streams whose token is being looked up. */
  readonly authenticatingMax: number;
  /** How often tokens are looked at again, besides when a change names them. */
  readonly recheckIntervalMs: number;
}

type AnyChannel = Pick<MessageChannel<never, never>, 'end' | 'signal'>;

interface OpenStream {
  readonly principal: NodePrincipal;
  readonly channel: AnyChannel;
}

/** Longest time that a timer can be set for. */
const timerMsMax = 2 ** 31 - 1;

/**
 * The streams that nodes hold open on this replica, of both services. A stream lives no longer than its
 * token: it ends when the token expires, and when it is revoked, which a change tells and a regular look
 * confirms.
 */
export class NodeStreams {
  readonly #options: NodeStreamsOptions;
  readonly #open = new Map<string, Set<OpenStream>>();
  readonly #work = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #authenticating = 0;
  #count = 0;
  #closed = false;

  constructor(options: NodeStreamsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.recheck(), options.recheckIntervalMs);
  }

  /** Open streams now. */
  get count(): number {
    return this.#count;
  }

  /**
   * Serves one stream: authenticates its node, admits it, runs `work`, and ends the stream with the
   * status that tells the node why. Never rejects.
   */
  serve<In, Out>(
    channel: MessageChannel<In, Out>,
    metadata: Metadata,
    work: (principal: NodePrincipal) => Promise<void>,
  ): void {
    const served = this.#serve(channel, metadata, work).finally(() => this.#work.delete(served));
    this.#work.add(served);
  }

  /** Looks at the tokens of all open streams again. */
  recheck(): void {
    if (this.#open.size === 0 || this.#closed) return;
    this.#recheck().catch((error: unknown) => {
      // Streams stand on: a database that can't be asked is no reason to cut nodes off.
      this.#options.logger.warn({ err: error }, 'node tokens could not be checked');
    });
  }

  /** Ends every stream and waits until all have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const streams of this.#open.values()) {
      for (const { channel } of streams) channel.end(unavailable('This replica is shutting down.'));
    }
    await Promise.all(this.#work);
  }

  async #serve<In, Out>(
    channel: MessageChannel<In, Out>,
    metadata: Metadata,
    work: (principal: NodePrincipal) => Promise<void>,
  ): Promise<void> {
    try {
      const principal = await this.#authenticate(metadata);
      const leave = this.#admit(principal, channel);
      try {
        await work(principal);
      } finally {
        leave();
      }
      channel.finish();
    } catch (error) {
      if (error instanceof StreamEnd) {
        this.#options.logger.debug({ code: error.code, reason: error.message }, 'stream ended');
        channel.end(error);
        return;
      }
      this.#options.logger.error({ err: error }, 'a node’s stream failed');
      channel.end(unavailable('This replica failed.'));
    }
  }

  async #authenticate(metadata: Metadata): Promise<NodePrincipal> {
    const { authenticator, authenticatingMax } = this.#options;
    if (this.#closed) throw unavailable('This replica is shutting down.');
    if (this.#authenticating >= authenticatingMax) {
      throw exhausted('Too many streams are being opened at once.');
    }
    this.#authenticating += 1;
    try {
      return await authenticator.authenticate(metadata);
    } finally {
      this.#authenticating -= 1;
    }
  }

  #admit(principal: NodePrincipal, channel: AnyChannel): () => void {
    const { streamsMax, streamsPerTokenMax } = this.#options;
    channel.signal.throwIfAborted();
    if (this.#closed) throw unavailable('This replica is shutting down.');
    const streams = this.#open.get(principal.tokenRowId) ?? new Set<OpenStream>();
    if (this.#count >= streamsMax)
      throw exhausted('This replica serves as many streams as it may.');
    if (streams.size >= streamsPerTokenMax) {
      throw exhausted('The node token has as many streams as it may.');
    }
    const stream = { principal, channel };
    streams.add(stream);
    this.#open.set(principal.tokenRowId, streams);
    this.#count += 1;
    const expiry = this.#endAtExpiry(stream);
    return () => {
      clearTimeout(expiry);
      streams.delete(stream);
      if (streams.size === 0 && this.#open.get(principal.tokenRowId) === streams) {
        this.#open.delete(principal.tokenRowId);
      }
      this.#count -= 1;
    };
  }

  #endAtExpiry({ principal, channel }: OpenStream): NodeJS.Timeout | undefined {
    if (principal.expiresAtMs === undefined) return undefined;
    const inMs = Math.max(0, principal.expiresAtMs - this.#options.nowMs());
    // Further away than a timer reaches, the regular look sees it.
    if (inMs > timerMsMax) return undefined;
    return setTimeout(() => channel.end(unauthenticated('The node token has expired.')), inMs);
  }

  async #recheck(): Promise<void> {
    // Only who was asked about is judged: streams open while the database answers.
    const asked = [...this.#open];
    const standing = await this.#options.authenticator.standing(asked.map(([id]) => id));
    const now = this.#options.nowMs();
    for (const [tokenRowId, streams] of asked) {
      const expiresAtMs = standing.get(tokenRowId);
      const expired = expiresAtMs !== undefined && expiresAtMs <= now;
      if (standing.has(tokenRowId) && !expired) continue;
      for (const { channel } of streams) {
        channel.end(unauthenticated('The node token has expired or was revoked.'));
      }
    }
  }
}
