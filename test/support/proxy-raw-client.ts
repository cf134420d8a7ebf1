import { once } from 'node:events';
import net from 'node:net';

/** A socket on which a test writes what no HTTP client would. */
export class RawClient {
  text = '';
  readonly socket: net.Socket;
  /** The server has closed its side. */
  readonly ended: Promise<unknown>;
  readonly closed: Promise<unknown>;

  constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (chunk: string) => {
      this.text += chunk;
    });
    // A server that refuses may reset what is still being sent.
    this.socket.on('error', () => undefined);
    this.ended = once(this.socket, 'end').catch(() => undefined);
    this.closed = once(this.socket, 'close').catch(() => undefined);
  }

  write(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Resolves once what came so far matches. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) {
      const ended = this.socket.readableEnded || this.socket.destroyed;
      if (ended) throw new Error(`the connection ended before ${pattern}: ${this.text}`);
      await Promise.race([once(this.socket, 'data'), once(this.socket, 'end'), this.closed]);
    }
    return this.text;
  }

  close(): void {
    this.socket.destroy();
  }
}

/** A POST with this body, as text on the wire. */
export function rawPost(path: string, key: string, body: string, extra = ''): string {
  return [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    `Authorization: Bearer ${key}`,
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `${extra}\r\n${body}`,
  ].join('\r\n');
}
