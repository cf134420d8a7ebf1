import { isUtf8 } from 'node:buffer';
import { skipSpace, stringEnd } from './json-scanner.ts';
import { type JsonSpan, valueEnd } from './json-span.ts';

const quote = 0x22;
const openBrace = 0x7b;
const comma = 0x2c;

interface ListItem {
  readonly span: JsonSpan;
  /** Undefined: it has none, or more than one reading of it. */
  readonly name: string | undefined;
}

/** Reads the item at `start` of a valid text. */
function readItem(text: string, start: number, nameKey: string): ListItem {
  if (text.charCodeAt(start) !== openBrace) {
    return { span: { start, end: valueEnd(text, start) }, name: undefined };
  }
  const names: unknown[] = [];
  let at = skipSpace(text, start + 1);
  while (text.charCodeAt(at) === quote) {
    const keyEnd = stringEnd(text, at) + 1;
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = valueEnd(text, valueStart);
    if (JSON.parse(text.slice(at, keyEnd)) === nameKey) {
      names.push(JSON.parse(text.slice(valueStart, end)));
    }
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  const [name] = names;
  const usable = names.length === 1 && typeof name === 'string' && name !== '';
  return { span: { start, end: at + 1 }, name: usable ? name : undefined };
}

function* itemsOf(text: string, nameKey: string): Generator<ListItem> {
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (text.charAt(at) !== ']') {
    const item = readItem(text, at, nameKey);
    yield item;
    at = skipSpace(text, item.span.end);
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
}

function isList(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}

/**
 * A list without the items that are to be left out; those that stay are the bytes that came. An item that
 * doesn't have exactly one name is left out: readers of the list might take it for different ones.
 *
 * @param nameKey the member that an item is known by.
 * @returns the same bytes when all stay; undefined for what is no list.
 */
export function narrowList(
  bytes: Buffer,
  nameKey: string,
  stays: (name: string) => boolean,
): Buffer | undefined {
  if (!isUtf8(bytes)) return undefined;
  const text = bytes.toString('utf8');
  if (!isList(text)) return undefined;
  let kept = '';
  let all = true;
  let behind = 0;
  for (const { span, name } of itemsOf(text, nameKey)) {
    // With the first item comes what stands before it; with every other one its comma and space.
    const lead = text.slice(behind, span.start);
    behind = span.end;
    if (name === undefined || !stays(name)) {
      all = false;
      if (kept === '') kept = lead.slice(0, lead.indexOf('[') + 1);
    } else {
      kept += (kept.endsWith('[') ? '' : lead) + text.slice(span.start, span.end);
    }
  }
  return all ? bytes : Buffer.from(kept + text.slice(behind), 'utf8');
}
