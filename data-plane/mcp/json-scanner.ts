/** What a scan finds that `JSON.parse` lets pass. */
export interface JsonScan {
  /** Deepest nesting of objects and arrays, at most one above the bound: the scan stops there. */
  readonly depth: number;
  /** The first key that one object has twice, after escapes are resolved. */
  readonly duplicateKey: string | undefined;
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Keys of one open object: few are compared one by one, many are looked up. */
class KeySet {
  readonly #few: string[] = [];
  #many: Set<string> | undefined;

  /** False when the key is there already. */
  add(key: string): boolean {
    if (this.#many !== undefined) {
      if (this.#many.has(key)) return false;
      this.#many.add(key);
      return true;
    }
    if (this.#few.includes(key)) return false;
    this.#few.push(key);
    if (this.#few.length > 12) this.#many = new Set(this.#few);
    return true;
  }
}

/** Index of the closing quote of the string that opens at `open`, or the text's length. */
export function stringEnd(text: string, open: number): number {
  let at = open + 1;
  for (;;) {
    const end = text.indexOf('"', at);
    if (end < 0) return text.length;
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes += 1;
    if (slashes % 2 === 0) return end;
    at = end + 1;
  }
}

/** Index of the first character at or after `at` that is no JSON white space. */
export function skipSpace(text: string, at: number): number {
  let index = at;
  for (;;) {
    const code = text.charCodeAt(index);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return index;
    index += 1;
  }
}

function decodeKey(raw: string): string {
  if (!raw.includes('\\')) return raw;
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    // Not valid JSON at all, which the parser says afterwards.
    return raw;
  }
}

/** What is open at one place of a text. */
class OpenStack {
  depth = 0;
  duplicateKey: string | undefined;
  /** Undefined stands for an array. */
  readonly #open: (KeySet | undefined)[] = [];

  enter(code: number): number {
    this.#open.push(code === openBrace ? new KeySet() : undefined);
    this.depth = Math.max(this.depth, this.#open.length);
    return this.#open.length;
  }

  leave(): void {
    this.#open.pop();
  }

  /** A string from quote to quote: a key, if it stands in an object and a colon follows. */
  string(text: string, open: number, close: number): void {
    const keys = this.#open[this.#open.length - 1];
    if (keys === undefined || text.charCodeAt(skipSpace(text, close + 1)) !== colon) return;
    const key = decodeKey(text.slice(open + 1, close));
    if (!keys.add(key)) this.duplicateKey ??= key;
  }
}

/**
 * Looks for what different parsers read differently: duplicate keys (one takes the first, another the
 * last, so that a policy and an upstream would see two calls) and a nesting that exhausts a stack.
 * One pass, and it says nothing about validity: text that is no JSON gives an arbitrary answer, and
 * always ends.
 */
export function scanJson(text: string, depthMax: number): JsonScan {
  const stack = new OpenStack();
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const end = stringEnd(text, at);
      stack.string(text, at, end);
      at = end;
    } else if (code === openBrace || code === openBracket) {
      if (stack.enter(code) > depthMax) break;
    } else if (code === closeBrace || code === closeBracket) {
      stack.leave();
    }
  }
  return { depth: stack.depth, duplicateKey: stack.duplicateKey };
}
