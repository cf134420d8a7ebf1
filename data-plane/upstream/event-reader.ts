import { StringDecoder } from 'node:string_decoder';
import { createParser } from 'eventsource-parser';

/** One server-sent event: `event` is undefined where the stream names no type. */
export interface ServerSentEvent {
  readonly event: string | undefined;
  readonly data: string;
}

/**
 * Cuts a stream of bytes into server-sent events without ever holding more than one event beyond its
 * bound, whatever the other side sends.
 */
export class EventReader {
  readonly #onEvent: (event: ServerSentEvent) => void;
  readonly #eventBytesMax: number;
  readonly #decoder = new StringDecoder('utf8');
  readonly #parser: ReturnType<typeof createParser>;
  #overflowed = false;

  constructor(eventBytesMax: number, onEvent: (event: ServerSentEvent) => void) {
    this.#eventBytesMax = eventBytesMax;
    this.#onEvent = onEvent;
    this.#parser = createParser({
      maxBufferSize: eventBytesMax,
      onEvent: ({ event, data }) => this.#deliver({ event, data }),
      onError: (error) => {
        // Unknown fields and bad retry values are to be ignored (HTML, "Interpreting an event stream").
        if (error.type === 'max-buffer-size-exceeded') this.#overflowed = true;
      },
    });
  }

  /** False once an event was larger than the bound: the rest of the stream can't be understood. */
  read(chunk: Buffer): boolean {
    if (this.#overflowed) return false;
    this.#parser.feed(this.#decoder.write(chunk));
    return !this.#overflowed;
  }

  #deliver(event: ServerSentEvent): void {
    if (this.#overflowed) return;
    if (event.data.length > this.#eventBytesMax) this.#overflowed = true;
    else this.#onEvent(event);
  }
}
