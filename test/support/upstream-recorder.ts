import type {
  UpstreamFailure,
  UpstreamHead,
  UpstreamSink,
} from '../../data-plane/upstream/upstream-transport.ts';

/** A sink that keeps what it gets and lets a test wait for it. */
export class UpstreamRecorder implements UpstreamSink {
  readonly chunks: Buffer[] = [];
  readonly head: Promise<UpstreamHead>;
  /** The failure, or undefined after a regular end. */
  readonly end: Promise<UpstreamFailure | undefined>;
  endings = 0;
  bytes = 0;
  readonly #onHead: (head: UpstreamHead) => void;
  readonly #onEnd: (failure: UpstreamFailure | undefined) => void;
  readonly #waiters = new Set<{ readonly test: () => boolean; readonly resolve: () => void }>();

  constructor() {
    const head = Promise.withResolvers<UpstreamHead>();
    const end = Promise.withResolvers<UpstreamFailure | undefined>();
    this.head = head.promise;
    this.end = end.promise;
    this.#onHead = head.resolve;
    this.#onEnd = end.resolve;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  /** Resolves once the body so far passes the test. */
  until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.add({ test, resolve }));
  }

  onHead(head: UpstreamHead): void {
    this.#onHead(head);
  }

  onData(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    for (const waiter of this.#waiters) {
      if (!waiter.test()) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  onEnd(): void {
    this.endings += 1;
    this.#onEnd(undefined);
  }

  onFailure(failure: UpstreamFailure): void {
    this.endings += 1;
    this.#onEnd(failure);
  }
}
