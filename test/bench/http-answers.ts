/** One parsed answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

interface PendingBody {
  readonly status: number;
  readonly start: number;
  /** Undefined: chunked. */
  readonly length: number | undefined;
}

/**
 * Parses the answers on one keep-alive connection: a body of `Content-Length`, or chunked. The bench's
 * client reads so little because its own work must not hide the proxies' (it runs on the same machine).
 */
export class HttpAnswers {
  #buffer = '';

  /** Takes a chunk and returns the answer that it completes, if any; one request is in flight at a time. */
  push(chunk: string): HttpAnswer | undefined {
    this.#buffer += chunk;
    const pending = this.#head();
    if (!pending) return undefined;
    const { status, start, length } = pending;
    if (length === undefined) return this.#chunked(status, start);
    if (this.#buffer.length < start + length) return undefined;
    const body = this.#buffer.slice(start, start + length);
    this.#buffer = this.#buffer.slice(start + length);
    return { status, body };
  }

  #head(): PendingBody | undefined {
    const end = this.#buffer.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const head = this.#buffer.slice(0, end);
    const status = Number(head.slice(9, 12));
    const start = end + 4;
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length !== undefined) return { status, start, length: Number(length) };
    if (/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, start, length: undefined };
    throw new Error(`The answer's length can't be told: ${head}`);
  }

  #chunked(status: number, start: number): HttpAnswer | undefined {
    let body = '';
    let at = start;
    for (;;) {
      const lineEnd = this.#buffer.indexOf('\r\n', at);
      if (lineEnd < 0) return undefined;
      const size = Number.parseInt(this.#buffer.slice(at, lineEnd), 16);
      const dataStart = lineEnd + 2;
      if (this.#buffer.length < dataStart + size + 2) return undefined;
      body += this.#buffer.slice(dataStart, dataStart + size);
      at = dataStart + size + 2;
      if (size === 0) break;
    }
    this.#buffer = this.#buffer.slice(at);
    return { status, body };
  }
}
