import type { MessageEnvelope, RequestEnvelope } from './message-envelope.ts';

/** Where a message goes: on one stream and never on a second. */
export type Route<Stream> =
  | {
      readonly to: 'stream';
      readonly stream: Stream;
      /** It answers the request that the stream waits for: nothing follows. */
      readonly last: boolean;
    }
  /** Nobody listens now; whoever comes next may have it. */
  | { readonly to: 'later' }
  /** It answers a request that nobody waits for any more. */
  | { readonly to: 'nobody' };

interface Waiter<Stream> {
  readonly stream: Stream;
  readonly id: string;
  readonly progressToken: string | undefined;
  readonly shared: boolean;
}

/**
 * Takes the one event stream of an HTTP+SSE session apart into the streams of Streamable HTTP: responses
 * by their id, progress by its token, the rest to the listening GET stream or, without one, to the POST
 * that has been open longest.
 */
export class MessageRouter<Stream> {
  readonly #byId = new Map<string, Waiter<Stream>>();
  readonly #byStream = new Map<Stream, Waiter<Stream>>();
  readonly #byToken = new Map<string, Waiter<Stream>>();
  #listener: Stream | undefined;

  /** Streams that a message may still come to. */
  get size(): number {
    return this.#byId.size + (this.#listener === undefined ? 0 : 1);
  }

  /**
   * A stream begins to wait for the response to this request; false when a request with that id is open
   * already, as its response could not be told from the other's.
   *
   * @param shared whether messages that belong to no request may come along.
   */
  wait(request: RequestEnvelope, stream: Stream, shared: boolean): boolean {
    const { id, progressToken } = request;
    if (this.#byId.has(id)) return false;
    const waiter = { stream, id, progressToken, shared };
    this.#byId.set(id, waiter);
    this.#byStream.set(stream, waiter);
    if (progressToken !== undefined && !this.#byToken.has(progressToken)) {
      this.#byToken.set(progressToken, waiter);
    }
    return true;
  }

  /** A stream begins to take what belongs to no request; false when one does already. */
  listen(stream: Stream): boolean {
    if (this.#listener !== undefined) return false;
    this.#listener = stream;
    return true;
  }

  /** No message goes to this stream any more; false when none would have. */
  leave(stream: Stream): boolean {
    const waiter = this.#byStream.get(stream);
    if (waiter !== undefined) this.#remove(waiter);
    const listening = this.#listener === stream;
    if (listening) this.#listener = undefined;
    return listening || waiter !== undefined;
  }

  /** Takes every stream out. */
  clear(): { readonly waiting: Stream[]; readonly listener: Stream | undefined } {
    const waiting = [...this.#byStream.keys()];
    const listener = this.#listener;
    for (const stream of waiting) this.leave(stream);
    this.#listener = undefined;
    return { waiting, listener };
  }

  route(message: MessageEnvelope): Route<Stream> {
    if (message.kind === 'response') {
      const waiter = message.id === undefined ? undefined : this.#byId.get(message.id);
      if (waiter === undefined) return { to: 'nobody' };
      this.#remove(waiter);
      return { to: 'stream', stream: waiter.stream, last: true };
    }
    const stream = this.#related(message) ?? this.#listener ?? this.#longestOpen();
    return stream === undefined ? { to: 'later' } : { to: 'stream', stream, last: false };
  }

  /** A server's own request may carry a token too, but one of its own choice: that relates to nothing here. */
  #related(message: MessageEnvelope): Stream | undefined {
    if (message.kind !== 'notification' || message.progressToken === undefined) return undefined;
    return this.#byToken.get(message.progressToken)?.stream;
  }

  #longestOpen(): Stream | undefined {
    for (const waiter of this.#byId.values()) if (waiter.shared) return waiter.stream;
    return undefined;
  }

  #remove(waiter: Waiter<Stream>): void {
    this.#byId.delete(waiter.id);
    this.#byStream.delete(waiter.stream);
    const { progressToken } = waiter;
    if (progressToken !== undefined && this.#byToken.get(progressToken) === waiter) {
      this.#byToken.delete(progressToken);
    }
  }
}
