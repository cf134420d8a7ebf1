import type { EntityManager } from '@mikro-orm/postgresql';
import { recordAudit } from './commit-change.ts';
import { EnvelopeError, rewrapKey } from './envelope.ts';
import type { MasterKeyRing } from './master-key-ring.ts';
import { type SealedColumns, sealedColumns } from './sealed-columns.ts';
import { readSealedRows, type SealedRow, writeWrappedKeys } from './sealed-rows.ts';
import type { Store } from './store.ts';

/** What a rotation of the master key did in one table. */
export interface RewrappedTable {
  readonly columns: SealedColumns;
  readonly rewrapped: number;
  /** Primary keys of rows that no given master key opens; they stay as they are. */
  readonly failed: readonly string[];
}

export interface RewrapOptions {
  readonly store: Store;
  readonly masterKeys: MasterKeyRing;
  /** Rows of one transaction; default 200. */
  readonly batchRowsMax?: number;
}

/** Rows of one organization, or the platform's (undefined), in one table. */
interface Scope {
  readonly columns: SealedColumns;
  readonly organizationId: string | undefined;
}

interface Batch {
  readonly rewrapped: number;
  readonly failed: readonly string[];
  /** Primary key of the last row that was looked at; undefined: there was none left. */
  readonly last: readonly string[] | undefined;
}

async function nextOrganization(
  em: EntityManager,
  columns: SealedColumns,
  currentId: string,
  after: string,
): Promise<string | undefined> {
  const { table, wrappedKey, masterKeyId, organizationId } = columns;
  const [row] = await em.execute<{ id: string }[]>(
    `select ${organizationId} as id from ${table}
     where ${wrappedKey} is not null and ${masterKeyId} is distinct from ?
       and ${organizationId} > ?::uuid order by ${organizationId} limit 1`,
    [currentId, after],
  );
  return row?.id;
}

const firstUuid = '00000000-0000-0000-0000-000000000000';

async function* scopesOf(
  { store, masterKeys }: RewrapOptions,
  columns: SealedColumns,
): AsyncGenerator<Scope> {
  if (columns.organizationId === undefined) {
    yield { columns, organizationId: undefined };
    return;
  }
  let after: string | undefined = firstUuid;
  for (;;) {
    const from: string = after;
    after = await store.withSystem((em) =>
      nextOrganization(em, columns, masterKeys.current.id, from),
    );
    if (after === undefined) return;
    yield { columns, organizationId: after };
  }
}

function rewrapped(masterKeys: MasterKeyRing, { key, context, wrapped }: SealedRow) {
  try {
    return { key, wrapped: rewrapKey(masterKeys, context, wrapped) };
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    return undefined;
  }
}

async function rewrapBatch(
  em: EntityManager,
  { columns, organizationId }: Scope,
  after: readonly string[] | undefined,
  { masterKeys, batchRowsMax = 200 }: RewrapOptions,
): Promise<Batch> {
  const { current } = masterKeys;
  const rows = await readSealedRows(em, columns, {
    notUnder: current.id,
    rowsMax: batchRowsMax,
    lock: true,
    ...(organizationId !== undefined && { organizationId }),
    ...(after !== undefined && { after }),
  });
  const written = [];
  const failed = [];
  for (const row of rows) {
    const opened = rewrapped(masterKeys, row);
    if (opened === undefined) failed.push(row.key.join('/'));
    else written.push(opened);
  }
  if (written.length > 0) {
    await writeWrappedKeys(em, columns, written);
    // No change of the configuration: what nodes get is the same, byte for byte.
    await recordAudit(em, {
      organizationId: organizationId ?? null,
      actor: { kind: 'system', id: 'command-line' },
      action: 'master_key.rotate',
      target: { type: 'master_key', id: current.id },
      details: {
        table: columns.table,
        rewrapped: written.length,
        from: [...new Set(rows.map(({ wrapped }) => wrapped.masterKeyId))],
      },
    });
  }
  return { rewrapped: written.length, failed, last: rows.at(-1)?.key };
}

/**
 * Wraps by the current master key whatever another one wrapped, wherever it stands. Each batch is one
 * transaction with its audit entry in the chain of whose rows they are: a rotation that is killed leaves
 * whole batches, each accounted for, and the next one goes on from there. Values under data keys are not
 * touched, and readers that know both keys notice nothing.
 */
export async function rewrapAll(options: RewrapOptions): Promise<RewrappedTable[]> {
  const tables = [];
  for (const columns of sealedColumns) {
    const failed: string[] = [];
    let count = 0;
    for await (const scope of scopesOf(options, columns)) {
      let after: readonly string[] | undefined;
      do {
        const from: readonly string[] | undefined = after;
        const batch: Batch = await options.store.withSystem((em) =>
          rewrapBatch(em, scope, from, options),
        );
        count += batch.rewrapped;
        failed.push(...batch.failed);
        after = batch.last;
      } while (after !== undefined);
    }
    tables.push({ columns, rewrapped: count, failed });
  }
  return tables;
}
