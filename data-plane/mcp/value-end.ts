const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;

/** Finds the end of one JSON value that comes in chunks, from its first byte on. Of invalid text any end. */
export class ValueEnd {
  #depth = 0;
  #inString = false;
  /** The chunk before ended behind a backslash. */
  #escaped = false;
  #isScalar = false;

  /** Index behind the value's last byte, or undefined when the chunk ends before it. */
  find(chunk: Buffer, start: number): number | undefined {
    let at = start;
    let depth = this.#depth;
    while (at < chunk.length) {
      const byte = chunk[at] ?? 0;
      if (this.#inString || byte === quote) {
        at = this.#string(chunk, this.#inString ? at : at + 1);
        if (!this.#inString && depth === 0) return at;
        continue;
      }
      if (this.#isScalar && endsScalar(byte)) return at;
      at += 1;
      const change = depthChange(byte);
      depth += change;
      if (change < 0 && depth <= 0) return at;
      if (depth === 0) this.#isScalar = true;
    }
    this.#depth = depth;
    return undefined;
  }

  /** Goes on within a string from `at`: index behind it, or behind the chunk. */
  #string(chunk: Buffer, at: number): number {
    let from = this.#escaped ? at + 1 : at;
    this.#escaped = false;
    this.#inString = true;
    for (;;) {
      const end = chunk.indexOf(quote, from);
      const stop = end < 0 ? chunk.length : end;
      let slashes = 0;
      while (stop - 1 - slashes >= from && chunk[stop - 1 - slashes] === backslash) slashes += 1;
      const escapes = slashes % 2 === 1;
      if (end < 0) {
        this.#escaped = escapes;
        return chunk.length;
      }
      if (!escapes) {
        this.#inString = false;
        return end + 1;
      }
      from = end + 1;
    }
  }
}

function depthChange(byte: number): number {
  if (byte === openBrace || byte === openBracket) return 1;
  return byte === closeBrace || byte === closeBracket ? -1 : 0;
}

function endsScalar(byte: number): boolean {
  return byte <= 0x20 || byte === comma || byte === closeBrace || byte === closeBracket;
}
