import type { JsonRewriter } from './json-rewriter.ts';

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const colon = 0x3a;
const dataField = Buffer.from('data:');
const idField = Buffer.from('id:');
const byteOrderMark = Buffer.from('\ufeff');

/** Largest part of an event that is held back while nobody can say whether it may pass, in bytes. */
const heldBytesMax = 1_048_576;

/**
 * What ends an event that is not whole, so that nobody takes it for a message: clients pass over events of
 * a type that they don't know, and with this line its data is no JSON. Its id, if it had one, counts for
 * nothing: what has not arrived whole must not be resumed behind.
 */
const eventRest = 'id\nevent: incomplete\ndata: incomplete\n\n';

/** Who follows the events. */
export interface EventListener {
  /** May the event pass? Asked while it comes; until then it is held back. Left out: all may. */
  readonly mayPass?: (isWhole: boolean) => boolean | undefined;
  onEventEnd(): void;
}

/**
 * Passes the `data` lines of a stream of server-sent events through a JSON rewriter, each event as one
 * message. Ids, retry hints, comments and line ends leave as they came, and nothing is held back but what
 * may not be seen, so that an event of any size costs no memory.
 */
export class EventStreamRewriter {
  readonly #json: JsonRewriter;
  readonly #listener: EventListener;
  /** The field that the line may still be; undefined: another one. */
  #field: Buffer | undefined = dataField;
  /** Bytes of the line so far that agree with it. */
  #matched = 0;
  #lineBytes = 0;
  #isComment = false;
  /** Of the event, without comments. */
  #eventLines = 0;
  #eventHasId = false;
  #resumable = false;
  #afterCarriageReturn = false;
  /** Bytes of a byte order mark that the stream has begun with; undefined: it is past its beginning. */
  #markBytes: number | undefined = 0;
  #out: Buffer[] = [];
  /** What leaves is not simply the chunk that came. */
  #altered = false;
  /** The event so far, while nobody can say whether it may pass. */
  #held: Buffer[] | undefined;
  #heldBytes = 0;
  /** Events of ours that wait for the end of the upstream's. */
  #waiting: Buffer[] = [];

  constructor(json: JsonRewriter, listener: EventListener) {
    this.#json = json;
    this.#listener = listener;
    this.#beginEvent();
  }

  /** An event with an id has passed, behind which a client can resume the stream. */
  get resumable(): boolean {
    return this.#resumable;
  }

  /** What makes the stream that has left stand between two events; empty: it does. */
  get eventRest(): string {
    const inLine = this.#lineBytes > 0;
    const isHeld = this.#heldBytes > 0;
    const lineRest = inLine && (this.#isComment || !isHeld) ? '\n' : '';
    const inEvent = this.#eventLines > 0 || (inLine && !this.#isComment);
    return inEvent && !isHeld ? lineRest + eventRest : lineRest;
  }

  /** More was to be held back than is held: the stream must not be relayed further. */
  get overflowed(): boolean {
    return this.#heldBytes > heldBytesMax;
  }

  /**
   * Puts in an event of our own. It has no id, so that a client which resumes does so behind an event of the
   * upstream's.
   * @returns what is to leave now; nothing when an event is on its way: then it leaves behind that one.
   */
  insert(event: Buffer): Buffer | undefined {
    if (this.eventRest === '') return event;
    this.#waiting.push(event);
    return undefined;
  }

  /** What to pass on for this chunk, in order: the chunk itself when nothing in it is replaced. */
  write(chunk: Buffer): Buffer[] {
    this.#out = [];
    this.#json.changed = false;
    this.#altered = this.#heldBytes > 0;
    let at = 0;
    let nextReturn = -2;
    while (at < chunk.length) {
      if (nextReturn !== -1 && nextReturn < at) nextReturn = chunk.indexOf(carriageReturn, at);
      const nextFeed = chunk.indexOf(lineFeed, at);
      const end = firstOf(nextReturn, nextFeed, chunk.length);
      if (end > at) this.#line(chunk, at, end);
      if (end === chunk.length) break;
      this.#lineEnd(chunk.subarray(end, end + 1));
      at = end + 1;
    }
    if (this.#heldBytes > 0) this.#altered = true;
    const out = this.#out;
    // A stream that rests holds nothing of what has passed.
    this.#out = [];
    return this.#json.changed || this.#altered ? out : [chunk];
  }

  /** Readers pass over a byte order mark, and so do we: what stands behind it is the field's name. */
  #skipMark(chunk: Buffer, start: number, end: number): number {
    if (this.#markBytes === undefined) return start;
    let at = start;
    while (at < end && chunk[at] === byteOrderMark[this.#markBytes]) {
      this.#markBytes += 1;
      at += 1;
    }
    if (at > start) this.#altered = true;
    if (at < end) this.#markBytes = undefined;
    return at;
  }

  #line(chunk: Buffer, from: number, end: number): void {
    const start = this.#skipMark(chunk, from, end);
    if (start === end) return;
    this.#afterCarriageReturn = false;
    if (this.#lineBytes === 0) {
      if (chunk[start] === idField[0]) this.#field = idField;
      this.#isComment = chunk[start] === colon;
    }
    this.#lineBytes += end - start;
    let at = start;
    while (at < end && this.#field !== undefined && this.#matched < this.#field.length) {
      if (chunk[at] === this.#field[this.#matched]) this.#matched += 1;
      else this.#field = undefined;
      at += 1;
    }
    if (this.#field === idField && this.#matched === idField.length) this.#eventHasId = true;
    if (at > start) this.#push(chunk.subarray(start, at));
    if (at >= end) return;
    const rest = chunk.subarray(at, end);
    if (this.#field !== dataField) {
      this.#push(rest);
      return;
    }
    const pieces = this.#json.write(rest);
    if (this.#held !== undefined && this.#listener.mayPass?.(false) === true) this.#release();
    for (const piece of pieces) this.#push(piece);
  }

  #lineEnd(end: Buffer): void {
    this.#markBytes = undefined;
    const isReturn = end[0] === carriageReturn;
    // The line feed of a pair ends nothing: its carriage return did.
    if (!isReturn && this.#afterCarriageReturn) {
      this.#afterCarriageReturn = false;
      this.#push(end);
      return;
    }
    if (this.#lineBytes === 0) {
      this.#isComment = false;
      this.#eventEnd(end);
    } else {
      if (!this.#isComment) this.#eventLines += 1;
      this.#push(end);
    }
    this.#field = dataField;
    this.#matched = 0;
    this.#lineBytes = 0;
    this.#afterCarriageReturn = isReturn;
  }

  #eventEnd(end: Buffer): void {
    this.#json.reset();
    if (this.#held !== undefined && this.#listener.mayPass?.(true) === false) {
      this.#altered = true;
      this.#held = [];
    } else {
      this.#push(end);
      this.#release();
      this.#resumable ||= this.#eventHasId;
    }
    this.#eventHasId = false;
    this.#eventLines = 0;
    this.#listener.onEventEnd();
    this.#beginEvent();
    if (this.#waiting.length === 0) return;
    this.#altered = true;
    this.#out.push(...this.#waiting);
    this.#waiting = [];
  }

  #beginEvent(): void {
    this.#held = this.#listener.mayPass === undefined ? undefined : [];
    this.#heldBytes = 0;
  }

  /** Comments pass at once: they keep a connection alive, and say nothing. */
  #push(piece: Buffer): void {
    if (this.#held === undefined) {
      this.#out.push(piece);
    } else if (this.#isComment || (this.#lineBytes === 0 && this.#eventLines === 0)) {
      if (this.#heldBytes > 0) this.#altered = true;
      this.#out.push(piece);
    } else {
      this.#heldBytes += piece.length;
      if (!this.overflowed) this.#held.push(piece);
    }
  }

  #release(): void {
    this.#out.push(...(this.#held ?? []));
    this.#held = undefined;
    this.#heldBytes = 0;
  }
}

function firstOf(a: number, b: number, otherwise: number): number {
  if (a < 0) return b < 0 ? otherwise : b;
  return b < 0 ? a : Math.min(a, b);
}
