import type { UpstreamHead } from '../upstream-transport.ts';
import type { RefusalBody } from './message-post.ts';
import type { ReplyStream } from './reply-stream.ts';

/** Passes an upstream's refusal on, with so much of its text as helps to understand it. */
export class ErrorRelay implements RefusalBody {
  readonly #reply: ReplyStream;
  readonly #onEnd: () => void;
  #bytesLeft = 16_384;

  constructor(reply: ReplyStream, { status, headers }: UpstreamHead, onEnd: () => void) {
    this.#reply = reply;
    this.#onEnd = onEnd;
    const type = headers.get('content-type');
    reply.head({ status, headers: new Map(type === undefined ? [] : [['content-type', type]]) });
  }

  write(chunk: Buffer): boolean {
    const part = chunk.subarray(0, this.#bytesLeft);
    this.#bytesLeft -= part.length;
    this.#reply.write(part);
    return this.#bytesLeft > 0;
  }

  end(): void {
    this.#reply.end();
    this.#onEnd();
  }
}
