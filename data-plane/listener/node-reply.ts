import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reply, ReplyHeaders } from '../pipeline/client-exchange.ts';
import type { ListenerOptions } from './listener-options.ts';

type LingerBounds = Pick<ListenerOptions, 'lingerTimeoutMs' | 'lingerBytesMax'>;

/** A reply over node:http. */
export class NodeReply implements Reply {
  bytesWritten = 0;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #linger: LingerBounds;
  readonly #isDraining: () => boolean;
  #ended = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    linger: LingerBounds,
    isDraining: () => boolean,
  ) {
    this.#request = request;
    this.#response = response;
    this.#linger = linger;
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
    this.#response.end();
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
    if (this.#request.complete) this.#response.end(body);
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
      this.#response.end();
    };
    const timer = setTimeout(finish, this.#linger.lingerTimeoutMs);
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > this.#linger.lingerBytesMax) finish();
    });
    request.once('end', finish);
    request.once('close', finish);
    request.resume();
  }
}
