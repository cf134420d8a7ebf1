import type {
  TransportRefusal,
  UpstreamExchange,
  UpstreamFailure,
  UpstreamHead,
  UpstreamSink,
} from '../upstream-transport.ts';

/** Who fills the stream. */
export interface ReplyOwner {
  /** The caller has gone; nothing is delivered to it any more. */
  aborted(reply: ReplyStream): void;
  /** So many bytes more, or less when negative, wait for the caller. */
  queued(bytes: number): void;
}

/** So much is given at once: after a pause no more than that comes behind it. */
const sliceBytesMax = 16_384;

/**
 * The response that a caller of the HTTP+SSE adapter sees, as an exchange of Streamable HTTP. What the
 * caller does not take at once waits here, and is reported to the owner, who stops reading upstream.
 */
export class ReplyStream implements UpstreamExchange {
  readonly #sink: UpstreamSink;
  readonly #owner: ReplyOwner;
  readonly #idleTimeoutMs: number;
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  #headSent = false;
  #paused = false;
  #pumping = false;
  #ending = false;
  #done = false;

  constructor(sink: UpstreamSink, idleTimeoutMs: number, owner: ReplyOwner) {
    this.#sink = sink;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#owner = owner;
  }

  get headSent(): boolean {
    return this.#headSent;
  }

  get done(): boolean {
    return this.#done;
  }

  head(head: UpstreamHead): void {
    if (this.#done || this.#headSent) return;
    this.#headSent = true;
    if (this.#idleTimeoutMs > 0) {
      this.#idleTimer = setTimeout(() => this.#onIdle(), this.#idleTimeoutMs);
    }
    this.#sink.onHead(head);
  }

  write(chunk: Buffer): void {
    if (this.#done || this.#ending || chunk.length === 0) return;
    this.#idleTimer?.refresh();
    this.#queue.push(chunk);
    this.#count(chunk.length);
    this.#pump();
  }

  /** Ends the response once everything before has been taken. */
  end(): void {
    this.#ending = true;
    this.#pump();
  }

  /** Refuses the request in the server's place, after the call that opened the exchange has returned. */
  refuse(reason: TransportRefusal): void {
    const detail = 'refused in the place of an HTTP+SSE server';
    queueMicrotask(() => this.fail({ reason, refused: true, nothingSent: true, detail }));
  }

  /** Ends the response now; what waits is lost. */
  fail(failure: UpstreamFailure): void {
    if (this.#finish()) this.#sink.onFailure(failure);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#idleTimer?.refresh();
    this.#pump();
  }

  abort(): void {
    if (this.#finish()) this.#owner.aborted(this);
  }

  #pump(): void {
    // The caller may pause and resume from within what it is given.
    if (this.#pumping) return;
    this.#pumping = true;
    while (!this.#paused && !this.#done) {
      const chunk = this.#queue[0];
      if (chunk === undefined) break;
      const slice = chunk.subarray(0, sliceBytesMax);
      if (slice.length === chunk.length) this.#queue.shift();
      else this.#queue[0] = chunk.subarray(sliceBytesMax);
      this.#count(-slice.length);
      this.#sink.onData(slice);
    }
    this.#pumping = false;
    if (this.#ending && this.#queue.length === 0 && this.#finish()) this.#sink.onEnd();
  }

  #onIdle(): void {
    // Silence counts only while it is the upstream's.
    if (this.#paused || this.#queue.length > 0) this.#idleTimer?.refresh();
    else {
      this.#owner.aborted(this);
      this.fail({ reason: 'upstream_timeout', nothingSent: false, detail: 'no event in time' });
    }
  }

  #count(bytes: number): void {
    this.#queuedBytes += bytes;
    this.#owner.queued(bytes);
  }

  #finish(): boolean {
    if (this.#done) return false;
    this.#done = true;
    clearTimeout(this.#idleTimer);
    this.#queue.length = 0;
    if (this.#queuedBytes > 0) this.#count(-this.#queuedBytes);
    return true;
  }
}
