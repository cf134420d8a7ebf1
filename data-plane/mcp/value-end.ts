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
  #escaped = false;
  #isScalar = false;

  /** Index behind the value's last byte, or undefined when the chunk ends before it. */
  find(chunk: Buffer, start: number): number | undefined {
    let at = start;
    while (at < chunk.length) {
      if (this.#inString) {
        const end = this.#stringEnd(chunk, at);
        if (end === undefined) return undefined;
        this.#inString = false;
        at = end;
        if (this.#depth === 0) return at;
      } else {
        const byte = chunk[at] ?? 0;
        if (this.#isScalar && endsScalar(byte)) return at;
        at += 1;
        if (this.#step(byte)) return at;
      }
    }
    return undefined;
  }

  /** True behind the bracket that closes the value. */
  #step(byte: number): boolean {
    if (byte === quote) this.#inString = true;
    else if (byte === openBrace || byte === openBracket) this.#depth += 1;
    else if (byte === closeBrace || byte === closeBracket) {
      this.#depth -= 1;
      return this.#depth <= 0;
    } else if (this.#depth === 0) this.#isScalar = true;
    return false;
  }

  #stringEnd(chunk: Buffer, start: number): number | undefined {
    let at = start;
    while (at < chunk.length) {
      if (this.#escaped) {
        this.#escaped = false;
        at += 1;
        continue;
      }
      const end = chunk.indexOf(quote, at);
      const slash = chunk.subarray(at, end < 0 ? chunk.length : end).indexOf(backslash);
      if (slash < 0) return end < 0 ? undefined : end + 1;
      this.#escaped = true;
      at += slash + 1;
    }
    return undefined;
  }
}

function endsScalar(byte: number): boolean {
  return byte <= 0x20 || byte === comma || byte === closeBrace || byte === closeBracket;
}
