import type { Logger } from '../../common/logging.ts';
import type { EventAcknowledgment } from '../../proto/gen/mcpgw/events/v1/EventAcknowledgment.ts';
import { Backoff } from '../connection/backoff.ts';
import {
  ControlPlaneConnection,
  type ControlPlaneConnectionOptions,
} from '../connection/control-plane-connection.ts';
import { InterruptibleWait } from '../connection/interruptible-wait.ts';
import { EventStream, type EventStreamOptions } from './event-stream.ts';

export interface ReporterOptions extends EventStreamOptions {
  readonly connection: ControlPlaneConnectionOptions;
  /** Bound on the first wait before connecting again; 100. */
  readonly reconnectFirstMs: number;
  readonly reconnectMaxMs: number;
  /** Wait after the control plane refused the node's token; 30,000. */
  readonly refusedRetryMs: number;
  readonly logger: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface ReporterStatus {
  readonly connected: boolean;
  readonly lastError: string;
  readonly batchesTotal: number;
  readonly eventsTotal: number;
  /** Events that the control plane could not write, and keeps apart. */
  readonly rejectedTotal: number;
  readonly streamsTotal: number;
}

/**
 * Sends the spool to the control plane. A batch is sent as soon as its events are on disk, and what
 * isn't acknowledged when a stream ends is sent again on the next: the control plane skips what it has.
 */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #connection: ControlPlaneConnection;
  readonly #backoff: Backoff;
  readonly #pause = new InterruptibleWait();
  readonly #drained = new InterruptibleWait();
  #stream: EventStream | undefined;
  #running: Promise<void> | undefined;
  #stopCredential: (() => void) | undefined;
  #closed = false;
  #lastError = '';
  #batchesTotal = 0;
  #eventsTotal = 0;
  #rejectedTotal = 0;
  #streamsTotal = 0;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#connection = new ControlPlaneConnection(options.connection);
    this.#backoff = new Backoff({
      firstMs: options.reconnectFirstMs,
      maxMs: options.reconnectMaxMs,
      random: options.random,
    });
  }

  status(): ReporterStatus {
    return {
      connected: this.#stream?.connected ?? false,
      lastError: this.#lastError,
      batchesTotal: this.#batchesTotal,
      eventsTotal: this.#eventsTotal,
      rejectedTotal: this.#rejectedTotal,
      streamsTotal: this.#streamsTotal,
    };
  }

  start(): void {
    this.#stopCredential = this.#options.credential.onChange(() => {
      this.#stream?.cancel('the node token was rotated');
      this.#backoff.reset();
      this.#pause.interrupt();
    });
    this.#running = this.#run();
  }

  /** Waits until everything recorded is acknowledged, at most `timeoutMs`; returns whether it is. */
  async drain(timeoutMs: number): Promise<boolean> {
    if (!this.#isDrained()) await this.#drained.wait(timeoutMs);
    return this.#isDrained();
  }

  /** Ends the stream. What isn't acknowledged stays in the spool for the next process. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopCredential?.();
    this.#stream?.cancel('the node is closing');
    this.#pause.interrupt();
    this.#drained.interrupt();
    await this.#running;
  }

  #isDrained(): boolean {
    const { acknowledgedSequence, recordedSequence } = this.#options.spool.status();
    return acknowledgedSequence >= recordedSequence;
  }

  async #run(): Promise<void> {
    for (let attempt = 0; !this.#closed; attempt += 1) {
      const address = this.#connection.address(attempt);
      this.#streamsTotal += 1;
      this.#stream = new EventStream(this.#options, this.#connection, address, (acknowledgment) =>
        this.#acknowledged(acknowledgment),
      );
      const { refused, detail } = await this.#stream.run((eventCount) => {
        this.#batchesTotal += 1;
        this.#eventsTotal += eventCount;
      });
      this.#stream = undefined;
      if (this.#closed) return;
      this.#lastError = detail;
      this.#options.logger.warn({ address, detail, refused }, 'the event stream ended');
      const { refusedRetryMs, random } = this.#options;
      await this.#pause.wait(refused ? refusedRetryMs * (0.5 + random()) : this.#backoff.nextMs());
    }
  }

  #acknowledged({ acknowledgedSequence, rejectedCount }: EventAcknowledgment): void {
    this.#rejectedTotal += rejectedCount;
    this.#lastError = '';
    this.#backoff.reset();
    this.#options.spool.acknowledge(acknowledgedSequence);
    if (this.#isDrained()) this.#drained.interrupt();
  }
}

/**
 * Makes the reporter of a spool; `start` begins.
 * @throws on an address that is none, or one beyond loopback without TLS.
 */
export function createReporter(options: ReporterOptions): Reporter {
  return new Reporter(options);
}
