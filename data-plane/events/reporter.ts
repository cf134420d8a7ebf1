import { Client, type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import { contracts } from '../../common/contracts.ts';
import type { Logger } from '../../common/logging.ts';
import type { EventAcknowledgment } from '../../proto/gen/mcpgw/events/v1/EventAcknowledgment.ts';
import { Backoff } from '../discovery/backoff.ts';
import {
  ControlPlaneConnection,
  type ControlPlaneConnectionOptions,
  tokenMetadata,
} from '../discovery/control-plane-connection.ts';
import { InterruptibleWait } from '../discovery/interruptible-wait.ts';
import type { NodeCredential } from '../discovery/node-credential.ts';
import { encodeEventBatch } from './event-batch.ts';
import { Latch } from './latch.ts';
import type { Spool } from './spool.ts';
import { SpoolReader } from './spool-reader.ts';

export interface ReporterOptions {
  readonly connection: ControlPlaneConnectionOptions;
  readonly credential: NodeCredential;
  readonly spool: Spool;
  /** Bounds on one batch; 500 and 256 KB are sensible. */
  readonly batchEventsMax: number;
  readonly batchBytesMax: number;
  /** Batches that may wait for their acknowledgment; 4. */
  readonly batchesInFlightMax: number;
  /** A stream that owes an acknowledgment for so long counts as dead; 30,000. */
  readonly acknowledgmentTimeoutMs: number;
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

type EventCall = ClientDuplexStream<Buffer, EventAcknowledgment>;

/** Why a stream ended. */
interface StreamEnd {
  readonly refused: boolean;
  readonly detail: string;
}

function streamEnd(error: unknown): StreamEnd {
  const { code, details, message } = error as Partial<ServiceError>;
  return {
    refused: code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED,
    detail: details ?? message ?? String(error),
  };
}

/** One stream of events to one replica. */
class EventStream {
  readonly #options: ReporterOptions;
  readonly #client: Client;
  readonly #call: EventCall;
  readonly #reader: SpoolReader;
  /** Set when there may be something to do: more on disk, an acknowledgment, a drained socket, the end. */
  readonly #work = new Latch();
  readonly #onAcknowledgment: (acknowledgment: EventAcknowledgment) => void;
  #inFlight: number[] = [];
  #acknowledgmentTimer: NodeJS.Timeout | undefined;
  #end: StreamEnd | undefined;
  connected = false;

  constructor(
    options: ReporterOptions,
    connection: ControlPlaneConnection,
    address: string,
    onAcknowledgment: (acknowledgment: EventAcknowledgment) => void,
  ) {
    this.#options = options;
    this.#onAcknowledgment = onAcknowledgment;
    this.#reader = new SpoolReader(options.spool);
    const definition = contracts.events.EventIngest.service.StreamEvents;
    this.#client = new Client(address, connection.credentials, connection.channelOptions);
    this.#call = this.#client.makeBidiStreamRequest<Buffer, EventAcknowledgment>(
      definition.path,
      (bytes) => bytes,
      definition.responseDeserialize,
      tokenMetadata(options.credential.token()),
    );
  }

  /** Sends what is on disk until the stream ends; `onBatch` is told how many events each batch has. */
  async run(onBatch: (eventCount: number) => void): Promise<StreamEnd> {
    this.#listen();
    const stopListening = this.#options.spool.onDurable(() => this.#work.set());
    try {
      for (let end = this.#ended(); end === undefined; end = this.#ended()) {
        if (!(await this.#sendBatch(onBatch))) await this.#work.wait();
      }
      return this.#end ?? { refused: false, detail: '' };
    } catch (error) {
      return streamEnd(error);
    } finally {
      stopListening();
      clearTimeout(this.#acknowledgmentTimer);
      await this.#reader.close();
      this.#call.cancel();
      this.#client.close();
    }
  }

  cancel(detail: string): void {
    this.#finish({ refused: false, detail });
    this.#call.cancel();
  }

  #listen(): void {
    this.#call.on('metadata', () => {
      this.connected = true;
    });
    this.#call.on('data', (acknowledgment: EventAcknowledgment) => {
      this.#acknowledged(acknowledgment);
    });
    this.#call.on('error', (error) => this.#finish(streamEnd(error)));
    this.#call.on('end', () => {
      this.#finish({ refused: false, detail: 'the control plane closed the stream' });
    });
    this.#call.on('drain', () => this.#work.set());
  }

  /** A method, since the stream's end comes while something is awaited. */
  #ended(): StreamEnd | undefined {
    return this.#end;
  }

  #finish(end: StreamEnd): void {
    this.#end ??= end;
    this.#work.set();
  }

  /** False: nothing can be sent now. */
  async #sendBatch(onBatch: (eventCount: number) => void): Promise<boolean> {
    const { batchEventsMax, batchBytesMax, batchesInFlightMax, spool } = this.#options;
    if (this.#inFlight.length >= batchesInFlightMax || this.#call.writableNeedDrain) return false;
    const bounds = { eventsMax: batchEventsMax, bytesMax: batchBytesMax };
    const events = await this.#reader.next(bounds);
    if (events === undefined || this.#end !== undefined) return false;
    this.#inFlight.push(events.lastSequence);
    this.#call.write(encodeEventBatch(spool.spoolId, events.payloads));
    this.#expectAcknowledgment();
    onBatch(events.payloads.length);
    return true;
  }

  #acknowledged(acknowledgment: EventAcknowledgment): void {
    if (acknowledgment.spoolId !== this.#options.spool.spoolId) return;
    this.connected = true;
    const { acknowledgedSequence } = acknowledgment;
    this.#inFlight = this.#inFlight.filter((sequence) => sequence > acknowledgedSequence);
    clearTimeout(this.#acknowledgmentTimer);
    this.#acknowledgmentTimer = undefined;
    if (this.#inFlight.length > 0) this.#expectAcknowledgment();
    this.#onAcknowledgment(acknowledgment);
    this.#work.set();
  }

  #expectAcknowledgment(): void {
    const ms = this.#options.acknowledgmentTimeoutMs;
    this.#acknowledgmentTimer ??= setTimeout(
      () => this.cancel(`no acknowledgment came for ${ms} ms`),
      ms,
    );
  }
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
