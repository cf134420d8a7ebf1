import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { Client, Dispatcher } from 'undici';
import { upstreamFailure } from './upstream-failures.ts';
import { isEventStream, responseHeaders } from './upstream-headers.ts';
import type { UpstreamExchange, UpstreamFailure, UpstreamSink } from './upstream-transport.ts';

/** What of a request goes on the wire, and how long it may take. */
export interface HttpExchangeRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Buffer | null;
  readonly headTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** Which bound an exchange counts against: calls wait for a head, streams stay. */
export type ExchangeKind = 'call' | 'stream';

/** A connection, and the exchange that runs on it: never more than one. */
export interface Connection {
  readonly client: Client;
  exchange: HttpExchange | undefined;
}

/** Who gave the exchange its connection. */
interface ExchangeOwner {
  becameStream(exchange: HttpExchange): void;
  release(exchange: HttpExchange, connection: Connection | undefined, reusable: boolean): void;
  failed(failure: UpstreamFailure): void;
  received(bytes: number): void;
}

/**
 * One exchange on one connection that nobody else uses meanwhile. It is undici's handler and the
 * pipeline's handle at the same time, so that a call costs one object.
 */
export class HttpExchange implements UpstreamExchange, Dispatcher.DispatchHandler {
  /** Changed by the owner alone. */
  kind: ExchangeKind;
  readonly #owner: ExchangeOwner;
  /** Undefined once it was handed over: an idle stream holds no request. */
  #request: HttpExchangeRequest | undefined;
  readonly #sink: UpstreamSink;
  #headTimer: NodeJS.Timeout | undefined;
  #connection: Connection | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #paused = false;
  #done = false;

  constructor(
    owner: ExchangeOwner,
    request: HttpExchangeRequest,
    kind: ExchangeKind,
    sink: UpstreamSink,
  ) {
    this.#owner = owner;
    this.#request = request;
    this.kind = kind;
    this.#sink = sink;
    // It covers the wait for a place, the connection and the answer: what the caller waits for is their sum.
    this.#headTimer = setTimeout(onHeadTimeout, request.headTimeoutMs, this);
  }

  /** Sends the request on this connection; called by the owner once the exchange has a place. */
  start(connection: Connection): void {
    this.#connection = connection;
    const request = this.#request;
    if (request === undefined) return;
    this.#request = undefined;
    const { method, path, headers, idleTimeoutMs } = request;
    const { body, framing } = wireBody(request.body);
    connection.client.dispatch(
      {
        method,
        path,
        headers: framing === undefined ? headers : [...headers, ...framing],
        body,
        headersTimeout: 0,
        bodyTimeout: idleTimeoutMs,
      },
      this,
    );
  }

  /** Ends an exchange that got no place or that its owner gives up; never within the call that opened it. */
  refuse(reason: UpstreamFailure['reason'], detail: string): void {
    const nothingSent = this.#controller === undefined;
    queueMicrotask(() => this.#fail({ reason, nothingSent, detail }));
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // undici's parser is shared and not reentrant: resuming within another exchange's data would trip it.
    queueMicrotask(() => {
      if (!this.#paused && !this.#done) this.#controller?.resume();
    });
  }

  abort(): void {
    if (this.#finish()) this.#discard();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#paused) controller.pause();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    fields: IncomingHttpHeaders,
  ): void {
    // Informational responses (100 to 199) announce nothing that a caller waits for.
    if (this.#done || status < 200) return;
    clearTimeout(this.#headTimer);
    this.#headTimer = undefined;
    const headers = responseHeaders(fields);
    if (this.kind === 'call' && isEventStream(headers)) this.#owner.becameStream(this);
    this.#sink.onHead({ status, headers });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#done) return;
    this.#owner.received(chunk.length);
    this.#sink.onData(chunk);
  }

  onResponseEnd(): void {
    if (!this.#finish()) return;
    this.#owner.release(this, this.#connection, true);
    this.#sink.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#done) return;
    const failure = upstreamFailure(error, this.#controller !== undefined);
    // An invalid header is reported while dispatch() still runs, so before the caller has its handle.
    if (failure.nothingSent) queueMicrotask(() => this.#fail(failure));
    else this.#fail(failure);
  }

  /** @internal for the timer. */
  headTimedOut(): void {
    const nothingSent = this.#controller === undefined;
    const detail = nothingSent
      ? 'no connection became free or could be opened in time'
      : 'no response head in time';
    this.#fail({ reason: 'upstream_timeout', nothingSent, detail });
  }

  #fail(failure: UpstreamFailure): void {
    if (!this.#finish()) return;
    this.#discard();
    this.#owner.failed(failure);
    this.#sink.onFailure(failure);
  }

  /** False when it had ended before. */
  #finish(): boolean {
    if (this.#done) return false;
    this.#done = true;
    clearTimeout(this.#headTimer);
    return true;
  }

  /** Gives the place back and closes the connection, whose state is unknown. */
  #discard(): void {
    this.#owner.release(this, this.#connection, false);
  }
}

/** undici keeps a body that it is given as a whole until the response ends, which a stream's may never. */
const keptBodyBytesMax = 16_384;

interface WireBody {
  readonly body: Buffer | Readable | null;
  /** Header that a body without a length of its own needs. */
  readonly framing?: readonly [string, string];
}

function wireBody(body: Buffer | null): WireBody {
  if (body === null || body.length <= keptBodyBytesMax) return { body };
  const framing = ['content-length', String(body.length)] as const;
  let rest: Buffer | undefined = body;
  const read = function read(this: Readable) {
    this.push(rest ?? null);
    rest = undefined;
  };
  return { body: new Readable({ read }), framing };
}

function onHeadTimeout(exchange: HttpExchange): void {
  exchange.headTimedOut();
}
