/**
 * A pattern of a policy. `*` stands for any run of characters, `?` for one, and `\` takes the next character
 * as it is (at the end it stands for itself). In paths both stop at `/`, and `**` is the run that doesn't. A
 * lone `*` matches everything. Compared by code point, to the letter.
 */
export interface Pattern {
  /** All that it matches, when it has no wildcard. */
  readonly exact: string | undefined;
  /** What everything that it matches starts with; for one without wildcards, the whole of it. */
  readonly prefix: string;
  readonly tokens: readonly PatternToken[];
  matches(text: string): boolean;
}

/** `path`: wildcards stop at `/`, as in URIs. */
export type PatternKind = 'name' | 'path';

/** A character of a pattern: a code point, or one of the wildcards below. */
export type PatternToken = number;
export const anyCharacter = -1;
export const characterInSegment = -2;
export const anyRun = -3;
export const runInSegment = -4;

const slash = 0x2f;

function isRun(token: PatternToken | undefined): boolean {
  return token === anyRun || token === runInSegment;
}

/** How many `*` stand side by side. */
function starsAt(text: string, from: number): number {
  let count = 0;
  while (text[from + count] === '*') count += 1;
  return count;
}

/** A token and where the next one starts. */
type TokenRead = readonly [token: PatternToken, next: number];

function readToken(text: string, index: number, kind: PatternKind): TokenRead {
  const stars = starsAt(text, index);
  if (stars > 0) return [kind === 'name' || stars > 1 ? anyRun : runInSegment, index + stars];
  if (text[index] === '?') return [kind === 'name' ? anyCharacter : characterInSegment, index + 1];
  const escapes = text[index] === '\\' && index + 1 < text.length;
  const at = escapes ? index + 1 : index;
  const code = text.codePointAt(at) ?? 0;
  return [code, at + (code > 0xffff ? 2 : 1)];
}

/** Reads a pattern. Every text is one. */
export function readPattern(text: string, kind: PatternKind): readonly PatternToken[] {
  if (text === '*') return [anyRun];
  const tokens: PatternToken[] = [];
  for (let index = 0; index < text.length; ) {
    const [token, next] = readToken(text, index, kind);
    tokens.push(token);
    index = next;
  }
  return tokens;
}

/** Whether a token may stand for a character. */
export function takes(token: PatternToken, code: number): boolean {
  if (token === anyCharacter || token === anyRun) return true;
  if (token === characterInSegment || token === runInSegment) return code !== slash;
  return token === code;
}

/**
 * Whether the tokens match the whole text: all ways through the pattern are walked side by side, so that the
 * time is bounded by the product of both lengths, whatever they are.
 */
function matchesWhole(tokens: readonly PatternToken[], text: string): boolean {
  const end = tokens.length;
  // reached[i]: what was read is matched by the tokens before i.
  let reached = new Uint8Array(end + 1);
  let next = new Uint8Array(end + 1);
  reached[0] = 1;
  for (let index = 0; isRun(tokens[index]); index += 1) reached[index + 1] = 1;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    let alive = false;
    next.fill(0);
    for (let index = 0; index < end; index += 1) {
      const token = tokens[index] ?? 0;
      if (reached[index] === 1 && takes(token, code)) {
        alive = true;
        next[isRun(token) ? index : index + 1] = 1;
      }
      // A run may be empty.
      if (next[index] === 1 && isRun(token)) next[index + 1] = 1;
    }
    if (!alive) return false;
    [reached, next] = [next, reached];
  }
  return reached[end] === 1;
}

function textOf(tokens: readonly PatternToken[]): string {
  return tokens.map((token) => String.fromCodePoint(token)).join('');
}

function middleMatcher(tokens: readonly PatternToken[]): (middle: string) => boolean {
  const [only] = tokens;
  if (tokens.length === 1 && only === anyRun) return () => true;
  if (tokens.length === 1 && only === runInSegment) return (middle) => !middle.includes('/');
  return (middle) => matchesWhole(tokens, middle);
}

function wildcardMatcher(
  prefix: string,
  middle: readonly PatternToken[],
  suffix: string,
): (text: string) => boolean {
  const fixed = prefix.length + suffix.length;
  const matchesMiddle = middleMatcher(middle);
  return (text) =>
    text.length >= fixed &&
    text.startsWith(prefix) &&
    text.endsWith(suffix) &&
    matchesMiddle(text.slice(prefix.length, text.length - suffix.length));
}

class CompiledPattern implements Pattern {
  readonly exact: string | undefined;
  readonly prefix: string;
  readonly matches: (text: string) => boolean;
  readonly #text: string;
  readonly #kind: PatternKind;

  constructor(text: string, kind: PatternKind) {
    this.#text = text;
    this.#kind = kind;
    const { tokens } = this;
    const first = tokens.findIndex((token) => token < 0);
    if (first < 0) {
      const exact = textOf(tokens);
      this.exact = exact;
      this.prefix = exact;
      this.matches = (name) => name === exact;
      return;
    }
    const last = tokens.findLastIndex((token) => token < 0);
    this.exact = undefined;
    this.prefix = textOf(tokens.slice(0, first));
    const suffix = textOf(tokens.slice(last + 1));
    this.matches = wildcardMatcher(this.prefix, tokens.slice(first, last + 1), suffix);
  }

  /** Read again each time: they are seldom asked for, and patterns may be many. */
  get tokens(): readonly PatternToken[] {
    return readPattern(this.#text, this.#kind);
  }
}

/** Compiles a pattern. Matching takes time in the product of both lengths at most, and mostly far less. */
export function compilePattern(text: string, kind: PatternKind): Pattern {
  return new CompiledPattern(text, kind);
}
