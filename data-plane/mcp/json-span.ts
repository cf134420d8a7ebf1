import { skipSpace, stringEnd } from './json-scanner.ts';

/** Where a value stands in its text: from the first character to behind the last. */
export interface JsonSpan {
  readonly start: number;
  readonly end: number;
}

/** Index behind the value that begins at `start` of a text that is known to be valid. */
export function valueEnd(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === 0x22) return stringEnd(text, start) + 1;
  if (first !== 0x7b && first !== 0x5b) {
    let at = start;
    while (at < text.length && !',]} \n\r\t'.includes(text.charAt(at))) at += 1;
    return at;
  }
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = stringEnd(text, at);
    else if (code === 0x7b || code === 0x5b) depth += 1;
    else if (code === 0x7d || code === 0x5d) depth -= 1;
    if (depth === 0) return at + 1;
  }
  return text.length;
}

function memberSpan(text: string, object: number, key: string): JsonSpan | undefined {
  let at = skipSpace(text, object + 1);
  while (text.charCodeAt(at) === 0x22) {
    const keyEnd = stringEnd(text, at);
    const name = JSON.parse(text.slice(at, keyEnd + 1)) as string;
    const start = skipSpace(text, skipSpace(text, keyEnd + 1) + 1);
    const end = valueEnd(text, start);
    if (name === key) return { start, end };
    const next = skipSpace(text, end);
    if (text.charAt(next) !== ',') return undefined;
    at = skipSpace(text, next + 1);
  }
  return undefined;
}

/**
 * Where the value at a path of object keys stands in a JSON text that is known to be valid, or undefined.
 * What is to be changed is cut out and replaced there: parsing and writing again would lose the digits of
 * large numbers.
 */
export function findSpan(text: string, path: readonly string[]): JsonSpan | undefined {
  let start = skipSpace(text, 0);
  let span: JsonSpan | undefined;
  for (const key of path) {
    if (text.charAt(start) !== '{') return undefined;
    span = memberSpan(text, start, key);
    if (span === undefined) return undefined;
    start = span.start;
  }
  return span;
}

/** A piece of a text and what comes in its place. */
export interface Splice {
  readonly span: JsonSpan;
  readonly replacement: string;
}

/** The text with every splice applied; the spans must not overlap. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  let result = '';
  let from = 0;
  for (const { span, replacement } of splices.toSorted((a, b) => a.span.start - b.span.start)) {
    result += text.slice(from, span.start) + replacement;
    from = span.end;
  }
  return result + text.slice(from);
}
