import type { ServerDuplexStream } from '@grpc/grpc-js';
import { StreamEnd, tooSlow, unavailable } from './stream-end.ts';

/**
 * One gRPC stream with a node as a conversation: take the next message, send one and wait until the
 * transport has taken it. Everything that waits ends when the stream does, with the reason.
 */
export class MessageChannel<In, Out> {
  readonly #call: ServerDuplexStream<In, Out>;
  readonly #ending = new AbortController();
  #next: Promise<In | undefined> | undefined;
  #readable = Promise.withResolvers<void>();
  #unsent = 0;

  constructor(call: ServerDuplexStream<In, Out>) {
    this.#call = call;
    // No asynchronous iteration: it destroys the stream on an error, and the status with which we end it
    // would be lost whenever a message is still on its way.
    const more = () => {
      this.#readable.resolve();
      this.#readable = Promise.withResolvers();
    };
    call.on('readable', more);
    call.once('end', more);
    const gone = () => this.end(undefined);
    call.once('cancelled', gone);
    call.once('close', gone);
    call.once('error', gone);
  }

  /** Aborted with a `StreamEnd` as reason once the stream ends, whoever ends it. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Whether all that was sent has left: a heartbeat never queues behind what a slow node hasn't read. */
  get idle(): boolean {
    return this.#unsent === 0 && !this.signal.aborted;
  }

  /**
   * Ends the stream: with a status for the node, or, without an end, because the node has gone. Only
   * the first end counts.
   */
  end(end: StreamEnd | undefined): void {
    if (this.signal.aborted) return;
    this.#ending.abort(end ?? unavailable('The node has gone.'));
    if (end) this.#call.emit('error', { code: end.code, details: end.message });
  }

  /** Closes the stream in order. */
  finish(): void {
    if (this.signal.aborted) return;
    this.#ending.abort(unavailable('The stream has ended.'));
    this.#call.end();
  }

  /**
   * The node's next message, however long it takes; undefined when it has half-closed.
   * @throws {StreamEnd} when the stream ends.
   */
  async next(): Promise<In | undefined> {
    const message = await this.#race(this.#peek());
    this.#next = undefined;
    return message;
  }

  /**
   * The same, within a time.
   * @param what names what is due, for the node.
   * @throws {StreamEnd} also when nothing comes within `timeoutMs`.
   */
  async take(what: string, timeoutMs: number): Promise<In | undefined> {
    const timer = setTimeout(
      () => this.end(tooSlow(`No ${what} within ${timeoutMs} ms.`)),
      timeoutMs,
    );
    try {
      return await this.next();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves with the node's next message, without taking it, or with undefined when `wake` resolves first. */
  async idleUntil(wake: Promise<void>): Promise<'message' | 'woken'> {
    const message = this.#peek().then(() => 'message' as const);
    return this.#race(Promise.race([message, wake.then(() => 'woken' as const)]));
  }

  /**
   * Sends a message and resolves once the transport has taken it, which is when the node has read enough
   * of what came before.
   * @throws {StreamEnd} when the stream ends first.
   */
  async send(message: Out): Promise<void> {
    this.signal.throwIfAborted();
    const taken = Promise.withResolvers<void>();
    this.#unsent += 1;
    this.#call.write(message, (error?: Error | null) => {
      this.#unsent -= 1;
      if (error) taken.reject(unavailable('The node has gone.'));
      else taken.resolve();
    });
    await this.#race(taken.promise);
  }

  #peek(): Promise<In | undefined> {
    this.#next ??= this.#read();
    return this.#next;
  }

  /** Never settles once the stream has ended some other way: whoever waits hears it by the signal. */
  async #read(): Promise<In | undefined> {
    for (;;) {
      const message = this.#call.read() as In | null;
      if (message !== null) return message;
      if (this.#call.readableEnded) return undefined;
      await this.#readable.promise;
    }
  }

  async #race<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    signal.throwIfAborted();
    const ended = Promise.withResolvers<never>();
    const abort = () => ended.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([work, ended.promise]);
    } catch (error) {
      // What the node was told comes before whatever the transport says.
      if (signal.aborted) throw signal.reason;
      throw error instanceof StreamEnd ? error : unavailable('The node has gone.');
    } finally {
      signal.removeEventListener('abort', abort);
      work.catch(() => undefined);
    }
  }
}
