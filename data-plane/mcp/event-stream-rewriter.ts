import type { JsonRewriter } from './json-rewriter.ts';

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const dataField = Buffer.from('data:');

/**
 * Passes the `data` lines of a stream of server-sent events through a JSON rewriter, each event as one
 * message. Ids, retry hints, comments and line ends leave as they came, and nothing is held back, so that
 * an event of any size costs no memory.
 */
export class EventStreamRewriter {
  readonly #json: JsonRewriter;
  readonly #onEventEnd: () => void;
  /** Bytes of the line so far that agree with `data:`; undefined: it is another line. */
  #matched: number | undefined = 0;
  #lineBytes = 0;
  #afterCarriageReturn = false;

  constructor(json: JsonRewriter, onEventEnd: () => void) {
    this.#json = json;
    this.#onEventEnd = onEventEnd;
  }

  /** What to pass on for this chunk, in order: the chunk itself when nothing in it is replaced. */
  write(chunk: Buffer): Buffer[] {
    const out: Buffer[] = [];
    this.#json.changed = false;
    let at = 0;
    let nextReturn = -2;
    while (at < chunk.length) {
      if (nextReturn !== -1 && nextReturn < at) nextReturn = chunk.indexOf(carriageReturn, at);
      const nextFeed = chunk.indexOf(lineFeed, at);
      const end = firstOf(nextReturn, nextFeed, chunk.length);
      if (end > at) this.#line(chunk, at, end, out);
      if (end === chunk.length) break;
      this.#lineEnd(chunk[end] === carriageReturn);
      out.push(chunk.subarray(end, end + 1));
      at = end + 1;
    }
    return this.#json.changed ? out : [chunk];
  }

  #line(chunk: Buffer, start: number, end: number, out: Buffer[]): void {
    this.#afterCarriageReturn = false;
    this.#lineBytes += end - start;
    let at = start;
    while (at < end && this.#matched !== undefined && this.#matched < dataField.length) {
      this.#matched = chunk[at] === dataField[this.#matched] ? this.#matched + 1 : undefined;
      at += 1;
    }
    if (at > start) out.push(chunk.subarray(start, at));
    if (at >= end) return;
    const rest = chunk.subarray(at, end);
    if (this.#matched === undefined) out.push(rest);
    else out.push(...this.#json.write(rest));
  }

  #lineEnd(isReturn: boolean): void {
    // The line feed of a pair ends nothing: its carriage return did.
    if (!isReturn && this.#afterCarriageReturn) {
      this.#afterCarriageReturn = false;
      return;
    }
    if (this.#lineBytes === 0) {
      this.#json.reset();
      this.#onEventEnd();
    }
    this.#matched = 0;
    this.#lineBytes = 0;
    this.#afterCarriageReturn = isReturn;
  }
}

function firstOf(a: number, b: number, otherwise: number): number {
  if (a < 0) return b < 0 ? otherwise : b;
  return b < 0 ? a : Math.min(a, b);
}
