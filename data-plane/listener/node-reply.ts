import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Reply, ReplyHeaders } from '../pipeline/client-exchange.ts';
import type { ListenerOptions } from './listener-options.ts';

type ReplyBounds = Pick<ListenerOptions, 'lingerTimeoutMs' | 'lingerBytesMax' | 'stallTimeoutMs'>;

/** A reply over node:http. */
export class NodeReply implements Reply {
  bytesWritten = 0;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #bounds: ReplyBounds;
  readonly #isDraining: () => boolean;
  #ended = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    bounds: ReplyBounds,
    isDraining: () => boolean,
  ) {
    this.#request = request;
    this.#response = response;
    this.#bounds = bounds;
    this.#isDraining = isDraining;
  }

  get closed(): boolean {
    return this.#ended || this.#response.destroyed;
  }

  begin(status: number, headers: ReplyHeaders): void {
    this.#writeHead(status, headers);
    this.#response.flushHeaders();
  }

  write(chunk: Buffer): boolean {
    if (this.closed) return true;
    this.bytesWritten += chunk.length;
    return this.#response.write(chunk);
  }

  end(): void {
    if (this.closed) return;
    this.#ended = true;
    this.#endResponse();
  }

  send(status: number, headers: ReplyHeaders, body: Buffer | undefined): void {
    if (this.closed) return;
    if (this.#response.headersSent) {
      this.destroy();
      return;
    }
    this.#ended = true;
    this.bytesWritten = body?.length ?? 0;
    // 204 has no body, so that it must name no length either (RFC 9110, 8.6).
    const length = status === 204 ? {} : { 'Content-Length': String(this.bytesWritten) };
    this.#writeHead(status, { ...headers, ...length });
    if (this.#request.complete) this.#endResponse(body);
    else this.#endAfterRequest(body);
  }

  destroy(): void {
    this.#response.destroy();
  }

  onDrain(listener: () => void): void {
    this.#response.on('drain', listener);
  }

  onAborted(listener: () => void): void {
    this.#response.once('close', () => {
      if (!this.#ended) listener();
    });
  }

  #writeHead(status: number, headers: ReplyHeaders): void {
    const close = this.#isDraining() || !this.#request.complete;
    this.#response.writeHead(status, close ? { ...headers, Connection: 'close' } : headers);
  }

  /**
   * The answer is whole, but its client may not take the rest of it: what takes nothing for so long is cut.
   * The socket's own time-out looks at what libuv has written, so that a slow reader goes on.
   */
  #endResponse(body?: Buffer): void {
    const response = this.#response;
    response.end(body);
    // An answer behind another one on its connection waits for that one, not for its client.
    if (response.socket !== null) this.#boundRest(response.socket);
    else response.once('socket', (socket: Socket) => this.#boundRest(socket));
  }

  #boundRest(socket: Socket): void {
    if (socket.writableLength === 0) return;
    socket.setTimeout(this.#bounds.stallTimeoutMs);
    // First of all listeners: node:http sets the time-out of an unused connection behind it.
    this.#response.prependOnceListener('finish', () => socket.setTimeout(0));
  }

  /**
   * A client that is refused while it still sends must be let finish within bounds: closing on unread data
   * resets the connection, and the reset would overtake the answer.
   */
  #endAfterRequest(body: Buffer | undefined): void {
    const request = this.#request;
    if (body !== undefined) this.#response.write(body);
    else this.#response.flushHeaders();
    let bytes = 0;
    const finish = () => {
      clearTimeout(timer);
      this.#endResponse();
    };
    const timer = setTimeout(finish, this.#bounds.lingerTimeoutMs);
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > this.#bounds.lingerBytesMax) finish();
    });
    request.once('end', finish);
    request.once('close', finish);
    request.resume();
  }
}
