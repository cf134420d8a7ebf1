import type { EntityManager } from '@mikro-orm/postgresql';
import type { NewWrappedKey, SealContext, WrappedKey } from './envelope.ts';
import type { SealedColumns } from './sealed-columns.ts';

/** A row with a wrapped key. */
export interface SealedRow {
  /** Its primary key, in order, as text. */
  readonly key: readonly string[];
  readonly context: SealContext;
  readonly wrapped: WrappedKey;
}

/** Which rows of a table to read. */
export interface SealedRowsFilter {
  /** Only rows that this master key did not wrap. */
  readonly notUnder?: string;
  /** Only rows of this organization. */
  readonly organizationId?: string;
  /** Only rows after the one with this primary key. */
  readonly after?: readonly string[];
  readonly rowsMax: number;
  /** Whether the rows stay locked until the transaction ends. */
  readonly lock?: boolean;
}

interface ReadRow {
  readonly columns: Readonly<Record<string, string>>;
  readonly wrappedKey: string;
  readonly masterKeyId: string | null;
}

/** Reads rows with a wrapped key, by primary key. */
export async function readSealedRows(
  em: EntityManager,
  columns: SealedColumns,
  filter: SealedRowsFilter,
): Promise<SealedRow[]> {
  const { table, wrappedKey, masterKeyId, key, organizationId, alsoFor } = columns;
  const names = new Set([...key.map(({ name }) => name), ...alsoFor]);
  if (organizationId !== undefined) names.add(organizationId);
  const conditions = [`${wrappedKey} is not null`];
  const parameters: unknown[] = [];
  if (filter.notUnder !== undefined) {
    conditions.push(`${masterKeyId} is distinct from ?`);
    parameters.push(filter.notUnder);
  }
  if (filter.organizationId !== undefined && organizationId !== undefined) {
    conditions.push(`${organizationId} = ?::uuid`);
    parameters.push(filter.organizationId);
  }
  const keyNames = key.map(({ name }) => name).join(', ');
  if (filter.after !== undefined) {
    conditions.push(`(${keyNames}) > (${key.map(({ type }) => `?::${type}`).join(', ')})`);
    parameters.push(...filter.after);
  }
  const rows = await em.execute<ReadRow[]>(
    `select jsonb_build_object(${[...names].map((name) => `'${name}', ${name}::text`).join(', ')}) as columns,
       encode(${wrappedKey}, 'base64') as "wrappedKey", ${masterKeyId} as "masterKeyId"
     from ${table} where ${conditions.join(' and ')}
     order by ${keyNames} limit ? ${filter.lock === true ? 'for update' : ''}`,
    [...parameters, filter.rowsMax],
  );
  return rows.map((row) => {
    const value = (name: string) => row.columns[name] ?? '';
    return {
      key: key.map(({ name }) => value(name)),
      context: columns.context(value),
      wrapped: {
        wrappedKey: Buffer.from(row.wrappedKey, 'base64'),
        masterKeyId: row.masterKeyId,
      },
    };
  });
}

/** Replaces the wrapped keys of rows, and nothing else of them: not when they last changed either. */
export async function writeWrappedKeys(
  em: EntityManager,
  { table, wrappedKey, masterKeyId, key }: SealedColumns,
  rows: readonly { readonly key: readonly string[]; readonly wrapped: NewWrappedKey }[],
): Promise<void> {
  const incoming = rows.map((row) => ({
    wrapped: row.wrapped.wrappedKey.toString('base64'),
    master: row.wrapped.masterKeyId,
    ...Object.fromEntries(row.key.map((value, index) => [`k${index}`, value])),
  }));
  const keyColumns = key.map((_, index) => `k${index} text`).join(', ');
  const matches = key.map(({ name, type }, index) => `t.${name} = r.k${index}::${type}`);
  await em.execute(
    `update ${table} t set ${wrappedKey} = decode(r.wrapped, 'base64'), ${masterKeyId} = r.master
     from jsonb_to_recordset(?::jsonb) as r(wrapped text, master text, ${keyColumns})
     where ${matches.join(' and ')}`,
    [JSON.stringify(incoming)],
  );
}

/** How many keys of a table one master key wrapped. */
export interface SealedCount {
  readonly columns: SealedColumns;
  /** Null: the rows don't say. */
  readonly masterKeyId: string | null;
  readonly count: number;
}

/** Counts what each master key wrapped. */
export async function countSealed(
  em: EntityManager,
  all: readonly SealedColumns[],
): Promise<SealedCount[]> {
  const counts = all.map(
    ({ table, wrappedKey, masterKeyId }, index) =>
      `select ${index} as place, ${masterKeyId} as "masterKeyId", count(*)::integer as count
       from ${table} where ${wrappedKey} is not null group by ${masterKeyId}`,
  );
  const rows = await em.execute<
    { readonly place: number; readonly masterKeyId: string | null; readonly count: number }[]
  >(`${counts.join(' union all ')} order by place, "masterKeyId"`);
  return rows.flatMap(({ place, masterKeyId, count }) => {
    const columns = all[place];
    return columns === undefined ? [] : [{ columns, masterKeyId, count }];
  });
}
