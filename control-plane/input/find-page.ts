import type { EntityName, FilterQuery, QueryOrderMap } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import {
  type Page,
  type PageArguments,
  type PageBounds,
  type PageRequest,
  pageRequest,
  validatePage,
} from './page.ts';
import { isUuid } from './text-rules.ts';
import { type Outcome, refused, violation } from './violation.ts';

/** A column that a connection is ordered by. */
export interface KeyColumn {
  readonly property: string;
  readonly kind: 'uuid' | 'time' | 'integer';
}

/** The order of a connection; its last key is unique among the rows that the connection can hold. */
export interface Keyset {
  readonly keys: readonly KeyColumn[];
  readonly descending: boolean;
}

/** Ids are UUIDs of version 7: their order is that of creation. */
export const oldestFirst: Keyset = { keys: [{ property: 'id', kind: 'uuid' }], descending: false };

function isKey(kind: KeyColumn['kind'], text: string): boolean {
  if (kind === 'uuid') return isUuid(text);
  if (kind === 'integer') return /^\d{1,15}$/.test(text);
  return !Number.isNaN(Date.parse(text));
}

function keyValue(kind: KeyColumn['kind'], text: string): string | number | Date {
  if (kind === 'integer') return Number(text);
  return kind === 'time' ? new Date(text) : text;
}

/** The checked page of a connection in this order. */
export function requestPage(
  page: PageArguments,
  bounds: PageBounds,
  { keys }: Keyset,
): Outcome<PageRequest> {
  const violations = validatePage(page, bounds);
  if (violations.length > 0) return { ok: false, violations };
  const isCursor = (cursor: readonly string[]) =>
    keys.every((key, index) => isKey(key.kind, cursor[index] ?? ''));
  const request = pageRequest(page, bounds, isCursor, keys.length);
  if (request !== undefined) return { ok: true, value: request };
  const path = (page.before ?? undefined) === undefined ? 'after' : 'before';
  return refused(violation(path, 'INVALID_FORMAT', 'This is no cursor of this connection.'));
}

/** Rows beyond the cursor: the first key beyond, or equal and the next beyond, and so on. */
function beyond(keyset: Keyset, cursor: readonly string[], operator: '$gt' | '$lt'): object {
  const alternatives = keyset.keys.map((key, index) => ({
    ...Object.fromEntries(
      keyset.keys
        .slice(0, index)
        .map((equal, place) => [equal.property, keyValue(equal.kind, cursor[place] ?? '')]),
    ),
    [key.property]: { [operator]: keyValue(key.kind, cursor[index] ?? '') },
  }));
  const [first] = keyset.keys;
  if (alternatives.length === 1 || first === undefined) return alternatives[0] ?? {};
  // Implied by the alternatives, but only this can use an index.
  const bound = {
    [first.property]: { [`${operator}e`]: keyValue(first.kind, cursor[0] ?? '') },
  };
  return { $and: [bound, { $or: alternatives }] };
}

/** Finds a page by its keys: the cost does not grow with how far in the page lies. */
export async function findPage<T extends object>(
  em: EntityManager,
  entity: EntityName<T>,
  where: object,
  keyset: Keyset,
  page: PageRequest,
): Promise<Page<T>> {
  const descending = keyset.descending !== page.backward;
  const conditions = [where];
  if (page.cursor !== undefined) {
    conditions.push(beyond(keyset, page.cursor, descending ? '$lt' : '$gt'));
  }
  const orderBy = Object.fromEntries(
    keyset.keys.map((key) => [key.property, descending ? 'desc' : 'asc']),
  );
  const rows = await em.find(entity, { $and: conditions } as FilterQuery<NoInfer<T>>, {
    orderBy: orderBy as QueryOrderMap<T>,
    limit: page.size + 1,
  });
  const more = rows.length > page.size;
  const items: T[] = rows.slice(0, page.size);
  if (page.backward) items.reverse();
  const cursorGiven = page.cursor !== undefined;
  return {
    items,
    hasNextPage: page.backward ? cursorGiven : more,
    hasPreviousPage: page.backward ? more : cursorGiven,
  };
}

/** A condition that a text contains another, without wildcards of the caller's. */
export function containsText(text: string): object {
  return { $ilike: `%${text.replaceAll(/[\\%_]/g, '\\$&')}%` };
}
