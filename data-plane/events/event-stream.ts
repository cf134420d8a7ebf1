import { Client, type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import { contracts } from '../../common/contracts.ts';
import type { EventAcknowledgment } from '../../proto/gen/mcpgw/events/v1/EventAcknowledgment.ts';
import {
  type ControlPlaneConnection,
  tokenMetadata,
} from '../connection/control-plane-connection.ts';
import type { NodeCredential } from '../connection/node-credential.ts';
import { encodeEventBatch } from './event-batch.ts';
import { Latch } from './latch.ts';
import type { Spool } from './spool.ts';
import { SpoolReader } from './spool-reader.ts';

export interface EventStreamOptions {
  readonly credential: NodeCredential;
  readonly spool: Spool;
  /** Bounds on one batch; 500 and 256 KB are sensible. */
  readonly batchEventsMax: number;
  readonly batchBytesMax: number;
  /** Batches that may wait for their acknowledgment; 4. */
  readonly batchesInFlightMax: number;
  /** A stream that owes an acknowledgment for so long counts as dead; 30,000. */
  readonly acknowledgmentTimeoutMs: number;
}

type EventCall = ClientDuplexStream<Buffer, EventAcknowledgment>;

/** Why a stream ended. */
export interface EventStreamEnd {
  readonly refused: boolean;
  readonly detail: string;
}

function streamEnd(error: unknown): EventStreamEnd {
  const { code, details, message } = error as Partial<ServiceError>;
  return {
    refused: code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED,
    detail: details ?? message ?? String(error),
  };
}

/** One stream of events to one replica. */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #client: Client;
  readonly #call: EventCall;
  readonly #reader: SpoolReader;
  /** Set when there may be something to do: more on disk, an acknowledgment, a drained socket, the end. */
  readonly #work = new Latch();
  readonly #onAcknowledgment: (acknowledgment: EventAcknowledgment) => void;
  #inFlight: number[] = [];
  #acknowledgmentTimer: NodeJS.Timeout | undefined;
  #end: EventStreamEnd | undefined;
  connected = false;

  constructor(
    options: EventStreamOptions,
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
  async run(onBatch: (eventCount: number) => void): Promise<EventStreamEnd> {
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
  #ended(): EventStreamEnd | undefined {
    return this.#end;
  }

  #finish(end: EventStreamEnd): void {
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
