import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BodyFailure, RequestBody } from '../pipeline/client-exchange.ts';

/** A request's body over node:http, read when asked for. */
export class NodeRequestBody implements RequestBody {
  readonly #request: IncomingMessage;
  /** Set where the client waits for permission to send (`Expect: 100-continue`). */
  readonly #continueWith: ServerResponse | undefined;

  constructor(request: IncomingMessage, continueWith: ServerResponse | undefined) {
    this.#request = request;
    this.#continueWith = continueWith;
  }

  read(bytesMax: number, timeoutMs: number): Promise<Buffer | BodyFailure> {
    const request = this.#request;
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > bytesMax) return Promise.resolve('too_large');
    if (request.destroyed && !request.complete) return Promise.resolve('aborted');
    this.#continueWith?.writeContinue();
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const settle = (result: Buffer | BodyFailure) => {
        clearTimeout(timer);
        request.off('data', onData);
        request.off('end', onEnd);
        request.off('close', onClose);
        request.off('error', onClose);
        if (!Buffer.isBuffer(result)) request.pause();
        resolve(result);
      };
      const onData = (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > bytesMax) settle('too_large');
        else chunks.push(chunk);
      };
      const onEnd = () => {
        const [first] = chunks;
        settle(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, bytes));
      };
      const onClose = () => settle('aborted');
      const timer = setTimeout(() => settle('timeout'), timeoutMs);
      request.on('data', onData);
      request.once('end', onEnd);
      request.once('close', onClose);
      request.once('error', onClose);
    });
  }
}
