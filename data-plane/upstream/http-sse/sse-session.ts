import type { UpstreamFailure, UpstreamRequest, UpstreamTransport } from '../upstream-transport.ts';
import { ErrorRelay } from './error-relay.ts';
import { type MessageEnvelope, type RequestEnvelope, readEnvelope } from './message-envelope.ts';
import { MessageOutbox } from './message-outbox.ts';
import { postMessage } from './message-post.ts';
import { MessageRouter } from './message-router.ts';
import type { ReplyOwner, ReplyStream } from './reply-stream.ts';
import { SseConnection } from './sse-connection.ts';

/** Bounds of one session. */
export interface SseSessionOptions {
  readonly transport: UpstreamTransport;
  /** Bytes that wait for slow callers before the upstream is no longer read; the same for messages that nobody listens to yet. */
  readonly queueBytesMax: number;
  readonly eventBytesMax: number;
  /** Without an open stream or a request for so long, the session ends. */
  readonly idleMs: number;
}

/**
 * One session with an HTTP+SSE server, shown to its callers as one of legacy Streamable HTTP: what comes
 * on the server's only stream is handed to the POST or GET that it belongs to. It lives as long as that
 * stream.
 */
export class SseSession implements ReplyOwner {
  readonly id: string;
  readonly serverId: string;
  readonly endpointId: string;
  readonly #options: SseSessionOptions;
  readonly #onClosed: (session: SseSession) => void;
  readonly #router = new MessageRouter<ReplyStream>();
  readonly #later: MessageOutbox;
  readonly #idleTimer: NodeJS.Timeout;
  #initializing: { readonly reply: ReplyStream; readonly timer: NodeJS.Timeout } | undefined;
  #connection: SseConnection | undefined;
  #address: URL | undefined;
  #queuedBytes = 0;
  #paused = false;
  #closed = false;

  constructor(
    id: string,
    request: UpstreamRequest,
    options: SseSessionOptions,
    onClosed: (session: SseSession) => void,
  ) {
    this.id = id;
    this.serverId = request.server.id;
    this.endpointId = request.endpoint.id;
    this.#options = options;
    this.#onClosed = onClosed;
    this.#later = new MessageOutbox(options.queueBytesMax);
    this.#idleTimer = setTimeout(() => this.#onIdle(), options.idleMs);
    this.#idleTimer.unref();
  }

  /** Whether a caller waits for something of this session. */
  get busy(): boolean {
    return this.#router.size > 0;
  }

  /** Opens the session with its `initialize`, whose answer carries the session id. */
  begin(request: UpstreamRequest, initialize: RequestEnvelope, reply: ReplyStream): void {
    const timer = setTimeout(() => this.#onInitializeTimeout(), request.headTimeoutMs);
    this.#initializing = { reply, timer };
    this.#router.wait(initialize, reply, false);
    const { transport, eventBytesMax } = this.#options;
    this.#connection = new SseConnection(transport, request, eventBytesMax, {
      onAddress: (url) => {
        this.#address = url;
        // Not from within the data of another exchange.
        queueMicrotask(() => this.#send(request, initialize, reply));
      },
      onMessage: (data) => this.#onMessage(data),
      onRefused: (head) => {
        this.#router.leave(reply);
        return new ErrorRelay(reply, head, () => this.close(ended('GET was refused')));
      },
      onEnded: (failure) => this.close(failure),
    });
  }

  /** Passes a message on; a request's answer comes as an event stream, anything else is acknowledged. */
  post(request: UpstreamRequest, message: MessageEnvelope, reply: ReplyStream): void {
    this.#idleTimer.refresh();
    if (message.kind === 'request' && !this.#router.wait(message, reply, true)) {
      reply.refuse('request_id_in_use');
    } else {
      this.#send(request, message, reply);
    }
  }

  /** Opens the stream for messages that belong to no request. */
  listen(reply: ReplyStream): void {
    this.#idleTimer.refresh();
    if (this.#router.listen(reply)) queueMicrotask(() => this.#openEvents(reply));
    else reply.refuse('stream_already_open');
  }

  /** Ends the session: what waits for a response gets the failure, the listening stream its end. */
  close(failure: UpstreamFailure): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#initializing?.timer);
    this.#connection?.abort();
    const { waiting, listener } = this.#router.clear();
    for (const reply of waiting) reply.fail(failure);
    listener?.end();
    this.#onClosed(this);
  }

  aborted(reply: ReplyStream): void {
    this.#router.leave(reply);
    this.#idleTimer.refresh();
    // Nobody has learned the session's id, so nobody could ever use or end it.
    if (reply === this.#initializing?.reply) this.close(ended('the caller has gone'));
  }

  queued(bytes: number): void {
    this.#queuedBytes += bytes;
    const { queueBytesMax } = this.#options;
    if (!this.#paused && this.#queuedBytes > queueBytesMax) {
      this.#paused = true;
      this.#connection?.pause();
    } else if (this.#paused && this.#queuedBytes <= queueBytesMax / 2) {
      this.#paused = false;
      this.#connection?.resume();
    }
  }

  #onMessage(data: string): void {
    const message = readEnvelope(data);
    // What is no JSON-RPC message concerns nobody; the SDKs pass over it too.
    if (message === undefined) return;
    const route = this.#router.route(message);
    const event = eventOf(data);
    if (route.to === 'later') this.#later.put(event);
    if (route.to !== 'stream') return;
    const { stream, last } = route;
    const initializing = this.#initializing?.reply === stream;
    const failed = message.kind === 'response' && message.failed;
    this.#openEvents(stream, initializing && !failed ? this.id : undefined);
    stream.write(event);
    if (!last) return;
    stream.end();
    this.#idleTimer.refresh();
    if (initializing) this.#onInitialized(failed);
  }

  #onInitialized(failed: boolean): void {
    clearTimeout(this.#initializing?.timer);
    this.#initializing = undefined;
    if (failed) this.close(ended('the server refused initialize'));
  }

  #onInitializeTimeout(): void {
    const nothingSent = this.#address === undefined;
    this.close({ reason: 'upstream_timeout', nothingSent, detail: 'no answer to initialize' });
  }

  #onIdle(): void {
    if (this.busy) this.#idleTimer.refresh();
    else this.close(ended('the session was idle'));
  }

  #send(request: UpstreamRequest, message: MessageEnvelope, reply: ReplyStream): void {
    if (this.#closed || this.#address === undefined) return;
    postMessage(this.#options.transport, request, this.#address, {
      accepted: () => this.#onAccepted(message, reply),
      refused: (head) => {
        const waiting = this.#router.leave(reply);
        // An answer that had begun can't get another status.
        if (waiting && reply.headSent) reply.fail(ended(`refused with ${head.status}`));
        return new ErrorRelay(reply, head, () => this.#onUnsent(reply));
      },
      failed: (failure) => {
        // An answer that has begun shows that the message has arrived.
        if (reply.headSent) return;
        this.#router.leave(reply);
        reply.fail(failure);
        this.#onUnsent(reply);
      },
    });
  }

  #onAccepted(message: MessageEnvelope, reply: ReplyStream): void {
    if (message.kind !== 'request') {
      reply.head({ status: 202, headers: new Map() });
      reply.end();
    } else if (reply !== this.#initializing?.reply) {
      this.#openEvents(reply);
    }
  }

  /** A session whose `initialize` did not get through is of no use. */
  #onUnsent(reply: ReplyStream): void {
    if (reply === this.#initializing?.reply) this.close(ended('initialize was not accepted'));
  }

  #openEvents(reply: ReplyStream, sessionId?: string): void {
    if (reply.done || reply.headSent) return;
    const headers = new Map([['content-type', 'text/event-stream']]);
    if (sessionId !== undefined) headers.set('mcp-session-id', sessionId);
    reply.head({ status: 200, headers });
    if (reply !== this.#initializing?.reply)
      for (const event of this.#later.take()) reply.write(event);
  }
}

/** The message as it came; JSON may stand on several lines, each of which is a field of its own. */
function eventOf(data: string): Buffer {
  return Buffer.from(`event: message\ndata: ${data.replaceAll('\n', '\ndata: ')}\n\n`);
}

function ended(detail: string): UpstreamFailure {
  return { reason: 'upstream_closed', nothingSent: false, detail };
}
