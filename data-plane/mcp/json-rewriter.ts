import type { ReasonCode } from '../../common/reasons.ts';
import { ValueEnd } from './value-end.ts';

/**
 * What to do with the value at a place in a message, as a tree of keys; `*` stands for every element of an
 * array. Where the tree ends, nothing is read.
 */
export interface PathNode {
  readonly children?: Readonly<Record<string, PathNode>>;
  /** A string here is replaced, under this name. */
  readonly rewrite?: string;
  /** The value here is reported by this name: text, numbers, true and false as such, anything else as undefined. */
  readonly tap?: string;
  /** The value here, of any kind, is held back whole and replaced, under this name. */
  readonly take?: string;
  /** Before the object here closes, text may be put in, under this name. */
  readonly closing?: string;
}

export type TappedValue = string | number | boolean | undefined;

export interface JsonRewriterHandlers {
  rewrite(name: string, text: string): string;
  tap(name: string, value: TappedValue): void;
  /** Bytes of a value, and what comes in their place: the same bytes leave it as it is. */
  take(name: string, value: Buffer): Buffer;
  /** Members to put at the end of an object, as they stand behind a comma; none: an empty text. */
  closing(name: string): string;
}

/** Why a message must not be relayed further. */
export type RewriteFailure = Extract<ReasonCode, 'upstream_too_large' | 'upstream_invalid'>;

type StringRole = 'key' | 'rewrite' | 'tap' | 'skip';

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;

/** Longest string that is held back to be read or replaced, in bytes. */
const capturedBytesMax = 262_144;
/** Largest value that is taken, in bytes. */
const takenBytesMax = 4_194_304;

interface Frame {
  readonly node: PathNode;
  readonly isObject: boolean;
  expectsKey: boolean;
  hasMembers: boolean;
}

/** A value that is held back until it is whole. */
interface TakenValue {
  readonly name: string;
  readonly end: ValueEnd;
  readonly parts: Buffer[];
  bytes: number;
}

/**
 * Replaces values at known places of a JSON text while it streams through, and reports values at others.
 * Everything else leaves as the very bytes that came, at once: no part of a message is held back but a
 * value that is to be replaced. The text isn't validated; what is no JSON passes unchanged.
 */
export class JsonRewriter {
  /** A value to replace was too long, or is not whole. */
  failure: RewriteFailure | undefined;
  /** Something was replaced or held back since this was last cleared. */
  changed = false;
  readonly #root: PathNode;
  readonly #handlers: JsonRewriterHandlers;
  readonly #frames: Frame[] = [];
  /** Open objects and arrays that nothing is wanted of. */
  #skippedDepth = 0;
  /** Node of the value that comes next. */
  #next: PathNode | undefined;
  #role: StringRole | undefined;
  #taken: TakenValue | undefined;
  #parts: Buffer[] = [];
  #capturedBytes = 0;
  #escaped = false;
  #scalar: string | undefined;
  #out: Buffer[] = [];
  /** First byte of the chunk in hand that has not been passed on. */
  #from = 0;

  constructor(root: PathNode, handlers: JsonRewriterHandlers) {
    this.#root = root;
    this.#handlers = handlers;
    this.#next = root;
  }

  /** Begins with the next message. */
  reset(): void {
    this.#endScalar();
    if (this.#taken !== undefined) this.failure ??= 'upstream_invalid';
    this.#taken = undefined;
    this.#frames.length = 0;
    this.#skippedDepth = 0;
    this.#next = this.#root;
    this.#role = undefined;
    this.#parts = [];
    this.#capturedBytes = 0;
    this.#escaped = false;
  }

  /** Pieces to pass on for this chunk, in order; most often the chunk itself. */
  write(chunk: Buffer): Buffer[] {
    this.#out = [];
    this.#from = 0;
    if (this.#role === 'rewrite' || this.#taken !== undefined) this.changed = true;
    let at = 0;
    while (at < chunk.length) {
      if (this.#taken !== undefined) at = this.#hold(this.#taken, chunk, at);
      else if (this.#role === undefined) at = this.#structure(chunk, at);
      else at = this.#string(chunk, at);
    }
    if (this.#role !== 'rewrite' && this.#from < chunk.length) {
      this.#out.push(this.#from === 0 ? chunk : chunk.subarray(this.#from));
    }
    return this.#out;
  }

  #structure(chunk: Buffer, at: number): number {
    const byte = chunk[at] ?? 0;
    const take = this.#next?.take;
    if (take !== undefined && beginsValue(byte)) {
      this.#beginHolding(take, chunk, at);
      return at;
    }
    if (byte === quote) {
      this.#beginString(chunk, at);
      return at + 1;
    }
    if (this.#skippedDepth > 0) {
      if (byte === openBrace || byte === openBracket) this.#skippedDepth += 1;
      else if (byte === closeBrace || byte === closeBracket) this.#skippedDepth -= 1;
      return at + 1;
    }
    if (byte === openBrace || byte === openBracket) this.#open(byte === openBrace);
    else if (byte === closeBrace || byte === closeBracket) this.#close(chunk, at);
    else if (byte === comma) this.#comma();
    else this.#scalarByte(byte);
    return at + 1;
  }

  #open(isObject: boolean): void {
    const node = this.#next;
    this.#next = undefined;
    if (node?.tap !== undefined) this.#handlers.tap(node.tap, undefined);
    if (node?.children === undefined) {
      this.#skippedDepth = 1;
      return;
    }
    this.#frames.push({ node, isObject, expectsKey: isObject, hasMembers: false });
    if (!isObject) this.#next = node.children['*'];
  }

  #close(chunk: Buffer, at: number): void {
    this.#endScalar();
    const frame = this.#frames.pop();
    this.#next = undefined;
    const closing = frame?.isObject ? frame.node.closing : undefined;
    const members = closing === undefined ? '' : this.#handlers.closing(closing);
    if (members === '') return;
    this.changed = true;
    if (at > this.#from) this.#out.push(chunk.subarray(this.#from, at));
    this.#out.push(Buffer.from(frame?.hasMembers ? `,${members}` : members, 'utf8'));
    this.#from = at;
  }

  #beginHolding(name: string, chunk: Buffer, at: number): void {
    this.changed = true;
    if (at > this.#from) this.#out.push(chunk.subarray(this.#from, at));
    this.#from = at;
    this.#taken = { name, end: new ValueEnd(), parts: [], bytes: 0 };
  }

  /** Goes on within a value that is taken; returns where the structure goes on. */
  #hold(taken: TakenValue, chunk: Buffer, at: number): number {
    const end = taken.end.find(chunk, at);
    const stop = end ?? chunk.length;
    taken.bytes += stop - at;
    if (taken.bytes > takenBytesMax) this.failure ??= 'upstream_too_large';
    // What can't be relayed need not be kept.
    if (this.failure === undefined) taken.parts.push(chunk.subarray(at, stop));
    this.#from = stop;
    if (end === undefined) return stop;
    this.#taken = undefined;
    this.#next = undefined;
    const [first] = taken.parts;
    const value = taken.parts.length === 1 && first ? first : Buffer.concat(taken.parts);
    if (this.failure === undefined) this.#out.push(this.#handlers.take(taken.name, value));
    return stop;
  }

  #comma(): void {
    this.#endScalar();
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    frame.expectsKey = frame.isObject;
    this.#next = frame.isObject ? undefined : frame.node.children?.['*'];
  }

  #scalarByte(byte: number): void {
    if (byte <= 0x20 || byte === 0x3a) {
      this.#endScalar();
    } else if (this.#scalar !== undefined) {
      if (this.#scalar.length < 32) this.#scalar += String.fromCharCode(byte);
    } else if (this.#next?.tap !== undefined) {
      this.#scalar = String.fromCharCode(byte);
    }
  }

  #endScalar(): void {
    const text = this.#scalar;
    const name = this.#next?.tap;
    this.#scalar = undefined;
    if (text === undefined || name === undefined) return;
    this.#next = undefined;
    this.#handlers.tap(name, scalarValue(text));
  }

  #beginString(chunk: Buffer, at: number): void {
    const frame = this.#frames.at(-1);
    if (this.#skippedDepth > 0) this.#role = 'skip';
    else if (frame?.expectsKey) this.#role = 'key';
    else if (this.#next?.rewrite !== undefined) this.#role = 'rewrite';
    else this.#role = this.#next?.tap === undefined ? 'skip' : 'tap';
    if (this.#role === 'rewrite') {
      this.changed = true;
      if (at > this.#from) this.#out.push(chunk.subarray(this.#from, at));
      this.#from = at;
    }
  }

  /** Goes on within a string from `at`; returns where the structure goes on. */
  #string(chunk: Buffer, at: number): number {
    const start = at;
    let from = at;
    if (this.#escaped) {
      this.#escaped = false;
      from += 1;
    }
    for (;;) {
      const end = from < chunk.length ? chunk.indexOf(quote, from) : -1;
      const stop = end < 0 ? chunk.length : end;
      const escapes = trailingBackslashes(chunk, from, stop) % 2 === 1;
      if (end < 0) {
        this.#escaped = escapes;
        this.#capture(chunk, start, chunk.length);
        return chunk.length;
      }
      if (!escapes) {
        this.#capture(chunk, start, end);
        this.#endString(end);
        return end + 1;
      }
      from = end + 1;
    }
  }

  #capture(chunk: Buffer, start: number, end: number): void {
    if (this.#role === 'skip') return;
    this.#capturedBytes += end - start;
    if (this.#capturedBytes > capturedBytesMax) {
      if (this.#role === 'rewrite') this.failure ??= 'upstream_too_large';
      this.#parts = [];
      return;
    }
    this.#parts.push(chunk.subarray(start, end));
  }

  #endString(end: number): void {
    const role = this.#role;
    const text = role === 'skip' ? undefined : this.#takeText();
    this.#role = undefined;
    const frame = this.#frames.at(-1);
    if (role === 'key' && frame !== undefined) {
      frame.expectsKey = false;
      frame.hasMembers = true;
      const children = frame.node.children ?? {};
      this.#next = text !== undefined && Object.hasOwn(children, text) ? children[text] : undefined;
      return;
    }
    const name = this.#next?.rewrite;
    if (role === 'rewrite' && text !== undefined && name !== undefined) {
      this.#out.push(Buffer.from(JSON.stringify(this.#handlers.rewrite(name, text)), 'utf8'));
      this.#from = end + 1;
    }
    if (role === 'tap' && this.#next?.tap !== undefined) {
      this.#handlers.tap(this.#next.tap, text);
    }
    if (this.#skippedDepth === 0) this.#next = undefined;
  }

  #takeText(): string | undefined {
    const [first] = this.#parts;
    const bytes = this.#parts.length === 1 && first ? first : Buffer.concat(this.#parts);
    const complete = this.#capturedBytes <= capturedBytesMax;
    this.#parts = [];
    this.#capturedBytes = 0;
    if (!complete) return undefined;
    const raw = bytes.toString('utf8');
    if (!raw.includes('\\')) return raw;
    try {
      return JSON.parse(`"${raw}"`) as string;
    } catch {
      return raw;
    }
  }
}

/** No white space, and none of the bytes that stand between values. */
function beginsValue(byte: number): boolean {
  if (byte <= 0x20 || byte === 0x3a || byte === comma) return false;
  return byte !== closeBrace && byte !== closeBracket;
}

function scalarValue(text: string): TappedValue {
  if (text === 'true' || text === 'false') return text === 'true';
  const value = Number(text);
  return Number.isNaN(value) ? undefined : value;
}

function trailingBackslashes(chunk: Buffer, from: number, end: number): number {
  let count = 0;
  while (end - 1 - count >= from && chunk[end - 1 - count] === backslash) count += 1;
  return count;
}
