import type { JsonRewriter } from './json-rewriter.ts';

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const dataField = Buffer.from('data:');
const idField = Buffer.from('id:');

/**
 * What ends an event that is not whole, so that nobody takes it for a message: clients pass over events of
 * a type that they don't know, and with this line its data is no JSON. Its id, if it had one, counts for
 * nothing: what has not arrived whole must not be resumed behind.
 */
const eventRest = 'id\nevent: incomplete\ndata: incomplete\n\n';

/**
 * Passes the `data` lines of a stream of server-sent events through a JSON rewriter, each event as one
 * message. Ids, retry hints, comments and line ends leave as they came, and nothing is held back, so that
 * an event of any size costs no memory.
 */
export class EventStreamRewriter {
  readonly #json: JsonRewriter;
  readonly #onEventEnd: () => void;
  /** The field that the line may still be; undefined: another one. */
  #field: Buffer | undefined = dataField;
  /** Bytes of the line so far that agree with it. */
  #matched = 0;
  #lineBytes = 0;
  #eventLines = 0;
  #eventHasId = false;
  #resumable = false;
  #afterCarriageReturn = false;

  constructor(json: JsonRewriter, onEventEnd: () => void) {
    this.#json = json;
    this.#onEventEnd = onEventEnd;
  }

  /** An event with an id has passed, behind which a client can resume the stream. */
  get resumable(): boolean {
    return this.#resumable;
  }

  /** What makes the stream stand between two events; empty: it does. */
  get eventRest(): string {
    if (this.#lineBytes > 0) return `\n${eventRest}`;
    return this.#eventLines > 0 ? eventRest : '';
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
    if (this.#lineBytes === 0 && chunk[start] === idField[0]) this.#field = idField;
    this.#lineBytes += end - start;
    let at = start;
    while (at < end && this.#field !== undefined && this.#matched < this.#field.length) {
      if (chunk[at] === this.#field[this.#matched]) this.#matched += 1;
      else this.#field = undefined;
      at += 1;
    }
    if (this.#field === idField && this.#matched === idField.length) this.#eventHasId = true;
    if (at > start) out.push(chunk.subarray(start, at));
    if (at >= end) return;
    const rest = chunk.subarray(at, end);
    if (this.#field === dataField) out.push(...this.#json.write(rest));
    else out.push(rest);
  }

  #lineEnd(isReturn: boolean): void {
    // The line feed of a pair ends nothing: its carriage return did.
    if (!isReturn && this.#afterCarriageReturn) {
      this.#afterCarriageReturn = false;
      return;
    }
    if (this.#lineBytes === 0) {
      this.#resumable ||= this.#eventHasId;
      this.#eventHasId = false;
      this.#eventLines = 0;
      this.#json.reset();
      this.#onEventEnd();
    } else {
      this.#eventLines += 1;
    }
    this.#field = dataField;
    this.#matched = 0;
    this.#lineBytes = 0;
    this.#afterCarriageReturn = isReturn;
  }
}

function firstOf(a: number, b: number, otherwise: number): number {
  if (a < 0) return b < 0 ? otherwise : b;
  return b < 0 ? a : Math.min(a, b);
}
