import { EventReader, type ServerSentEvent } from '../event-reader.ts';
import { isEventStream } from '../upstream-headers.ts';
import type {
  UpstreamExchange,
  UpstreamFailure,
  UpstreamHead,
  UpstreamRequest,
  UpstreamTransport,
} from '../upstream-transport.ts';
import type { RefusalBody } from './message-post.ts';

/** What becomes of a connection. `onRefused` or `onEnded` comes once, last; neither after an abort. */
export interface SseConnectionListener {
  /** The address that messages to the server go to. */
  onAddress(url: URL): void;
  /** One event with a message; never before the address. */
  onMessage(data: string): void;
  /** The server answered the GET with a status of its own, whose body follows in what is returned. */
  onRefused(head: UpstreamHead): RefusalBody;
  onEnded(failure: UpstreamFailure): void;
}

/**
 * The event stream of a session (2024-11-05, "HTTP with SSE"): its `endpoint` event names the address for
 * messages to the server, all others carry messages from it.
 */
export class SseConnection {
  readonly #base: URL;
  readonly #listener: SseConnectionListener;
  readonly #events: EventReader;
  readonly #exchange: UpstreamExchange;
  #address: URL | undefined;
  #refusal: RefusalBody | undefined;
  #ended = false;

  /** @param request of the caller that begins the session; only its target and head time-out count. */
  constructor(
    transport: UpstreamTransport,
    request: UpstreamRequest,
    eventBytesMax: number,
    listener: SseConnectionListener,
  ) {
    const { server, endpoint, headTimeoutMs } = request;
    this.#base = endpoint.url;
    this.#listener = listener;
    this.#events = new EventReader(eventBytesMax, (event) => this.#onEvent(event));
    this.#exchange = transport.open(
      {
        server,
        endpoint,
        method: 'GET',
        headers: { accept: 'text/event-stream', 'cache-control': 'no-store' },
        body: undefined,
        headTimeoutMs,
        idleTimeoutMs: 0,
      },
      {
        onHead: (head) => this.#onHead(head),
        onData: (chunk) => this.#onData(chunk),
        onEnd: () => this.#end('upstream_closed', 'the event stream ended'),
        onFailure: ({ reason, detail }) => this.#end(reason, detail),
      },
    );
  }

  pause(): void {
    this.#exchange.pause();
  }

  resume(): void {
    this.#exchange.resume();
  }

  abort(): void {
    this.#ended = true;
    this.#exchange.abort();
  }

  #onHead(head: UpstreamHead): void {
    if (head.status !== 200) this.#refusal = this.#listener.onRefused(head);
    else if (!isEventStream(head.headers)) {
      this.#end('upstream_invalid', 'GET is answered, but not with an event stream');
    }
  }

  #onData(chunk: Buffer): void {
    if (this.#refusal !== undefined) {
      if (!this.#refusal.write(chunk)) this.#end('upstream_closed', 'the refusal is too long');
    } else if (!this.#events.read(chunk)) {
      this.#end('upstream_too_large', 'an event is too large');
    }
  }

  #onEvent({ event, data }: ServerSentEvent): void {
    if (this.#ended) return;
    if (this.#address === undefined) {
      if (event === 'endpoint') this.#onEndpoint(data);
    } else if (event === undefined || event === 'message') {
      this.#listener.onMessage(data);
    }
  }

  #onEndpoint(data: string): void {
    const url = URL.canParse(data, this.#base.href) ? new URL(data, this.#base) : undefined;
    // Another origin would get the callers' messages and the server's credential.
    if (url?.origin !== this.#base.origin) {
      this.#end('upstream_invalid', 'the endpoint event names no address of the same origin');
      return;
    }
    this.#address = url;
    this.#listener.onAddress(url);
  }

  #end(reason: UpstreamFailure['reason'], detail: string): void {
    if (this.#ended) return;
    this.abort();
    // Without the address no message can have been sent.
    const nothingSent = this.#address === undefined;
    if (this.#refusal !== undefined) this.#refusal.end();
    else this.#listener.onEnded({ reason, nothingSent, detail });
  }
}
