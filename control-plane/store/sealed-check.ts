import type { EntityManager } from '@mikro-orm/postgresql';
import { EnvelopeError, unwrapKey } from './envelope.ts';
import type { MasterKeyRing } from './master-key-ring.ts';
import { type SealedColumns, sealedColumns } from './sealed-columns.ts';
import { countSealed, readSealedRows, type SealedCount } from './sealed-rows.ts';
import type { Store } from './store.ts';

/** The database holds what no given master key opens; each line says what, and what to do. */
export class SealedRefusal extends Error {
  readonly faults: readonly string[];

  constructor(masterKeys: MasterKeyRing, faults: readonly string[]) {
    const [current, ...others] = masterKeys.keys().map(({ id }) => id);
    const given = [`${current} (current)`, ...others].join(', ');
    const lines = faults.map((fault) => `  - ${fault}`).join('\n');
    super(
      `Something in the database can’t be opened with the master keys given, ${given}:\n${lines}`,
    );
    this.name = 'SealedRefusal';
    this.faults = faults;
  }
}

const rowsMax = 500;

function named(count: number, { noun: [one, many] }: SealedColumns): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** One line for each master key that is missing. */
function missingKeys(counts: readonly SealedCount[], masterKeys: MasterKeyRing): string[] {
  const missing = Map.groupBy(
    counts.filter(({ masterKeyId: id }) => id !== null && masterKeys.find(id) === undefined),
    ({ masterKeyId }) => masterKeyId,
  );
  return [...missing].map(([id, places]) => {
    const what = places.map(({ columns, count }) => named(count, columns)).join(', ');
    return `${what}: sealed with master key ${id}; add its file to MCPGW_PREVIOUS_MASTER_KEY_FILES`;
  });
}

/** One line for each row that does not open although its master key is given, or not named. */
async function closedRows(
  em: EntityManager,
  columns: SealedColumns,
  masterKeys: MasterKeyRing,
): Promise<string[]> {
  const faults = [];
  let after: readonly string[] | undefined;
  do {
    const rows = await readSealedRows(em, columns, {
      rowsMax,
      ...(after !== undefined && { after }),
    });
    for (const { key, context, wrapped } of rows) {
      const { masterKeyId } = wrapped;
      if (masterKeyId !== null && masterKeys.find(masterKeyId) === undefined) continue;
      try {
        unwrapKey(masterKeys, context, wrapped);
      } catch (error) {
        if (!(error instanceof EnvelopeError)) throw error;
        const by = masterKeyId === null ? 'none of them opens it' : `${masterKeyId} should open it`;
        faults.push(
          `${columns.noun[0]} ${key.join('/')}: ${by}; add the file of the master key that sealed it ` +
            'to MCPGW_PREVIOUS_MASTER_KEY_FILES, or restore the row',
        );
      }
    }
    after = rows.at(-1)?.key;
  } while (after !== undefined);
  return faults;
}

/**
 * Checks, before anything is served, that the master keys given open what is sealed: every key of the
 * platform by opening it, and the secrets of organizations by the master key that they name.
 * @throws {SealedRefusal}
 */
export async function checkSealed(store: Store, masterKeys: MasterKeyRing): Promise<void> {
  const faults = await store.withSystem(async (em) => {
    const found = missingKeys(await countSealed(em, sealedColumns), masterKeys);
    for (const columns of sealedColumns) {
      if (columns.organizationId !== undefined) continue;
      found.push(...(await closedRows(em, columns, masterKeys)));
    }
    return found;
  });
  if (faults.length > 0) throw new SealedRefusal(masterKeys, faults);
}
