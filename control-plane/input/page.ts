import { type Violation, violation } from './violation.ts';

/** Arguments of a Relay connection, as a client gives them. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

export interface PageBounds {
  readonly pageSizeDefault: number;
  readonly pageSizeMax: number;
}

/** A checked page: which rows, from which end. */
export interface PageRequest {
  readonly size: number;
  /** Keys of the row that the page begins after (or ends before), not included. */
  readonly cursor: readonly string[] | undefined;
  /** True for `last`: the page is taken from the end. */
  readonly backward: boolean;
}

/** Rows in the connection's order, with what lies around them. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

const cursorLengthMax = 512;

/** A cursor holds the row's keys, so that a page is found by an index however far in it lies. */
export function encodeCursor(keys: readonly string[]): string {
  return Buffer.from(JSON.stringify(keys)).toString('base64url');
}

/** The keys in a cursor of `keyCount` keys, or undefined for anything that `encodeCursor` did not make. */
export function decodeCursor(cursor: string, keyCount: number): readonly string[] | undefined {
  if (cursor.length > cursorLengthMax) return undefined;
  try {
    const keys: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (!Array.isArray(keys) || keys.length !== keyCount) return undefined;
    return keys.every((key): key is string => typeof key === 'string') ? keys : undefined;
  } catch {
    return undefined;
  }
}

/** Checks the arguments of a page: `first` with `after`, or `last` with `before`, never both. */
export function validatePage(page: PageArguments, bounds: PageBounds): Violation[] {
  const { first, after, last, before } = page;
  const violations: Violation[] = [];
  for (const [name, size] of [['first', first] as const, ['last', last] as const]) {
    if (size === null || size === undefined) continue;
    if (!Number.isInteger(size) || size < 0 || size > bounds.pageSizeMax) {
      violations.push(
        violation(name, 'OUT_OF_RANGE', `A page has 0 to ${bounds.pageSizeMax} items.`),
      );
    }
  }
  const forward = (first ?? after ?? undefined) !== undefined;
  const backward = (last ?? before ?? undefined) !== undefined;
  if (forward && backward) {
    violations.push(
      violation('last', 'NOT_ALLOWED', 'Use first and after, or last and before, not both.'),
    );
  }
  return violations;
}

/** The checked form of valid arguments; undefined when a cursor is not one of this connection. */
export function pageRequest(
  page: PageArguments,
  bounds: PageBounds,
  isCursor: (keys: readonly string[]) => boolean,
  keyCount: number,
): PageRequest | undefined {
  const backward = (page.last ?? page.before ?? undefined) !== undefined;
  const text = (backward ? page.before : page.after) ?? undefined;
  const cursor = text === undefined ? undefined : decodeCursor(text, keyCount);
  if (text !== undefined && (cursor === undefined || !isCursor(cursor))) return undefined;
  const size = (backward ? page.last : page.first) ?? bounds.pageSizeDefault;
  return { size, cursor, backward };
}
