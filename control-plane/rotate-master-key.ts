import { Client } from 'pg';
import type { Database } from './database.ts';
import { clientConfig } from './store/database-connection.ts';
import { retireEarlierRoles } from './store/database-roles.ts';
import { rewrapAll } from './store/rewrap.ts';
import { checkSealed } from './store/sealed-check.ts';
import { sealedColumns } from './store/sealed-columns.ts';
import { countSealed } from './store/sealed-rows.ts';
import type { Store } from './store/store.ts';

/** What a rotation did, a line each, and whether anything is left to do. */
export interface MasterKeyRotation {
  readonly lines: readonly string[];
  readonly complete: boolean;
}

async function retireRoles({ owner, roles }: Database): Promise<MasterKeyRotation> {
  const client = new Client(clientConfig(owner, 'mcpgw-rotate'));
  await client.connect();
  try {
    const { dropped, inUse } = await retireEarlierRoles(client, roles);
    return {
      lines: [
        ...dropped.map((name) => `database role ${name}: dropped`),
        ...inUse.map(
          (name) =>
            `database role ${name}: in use, so some process still runs with an earlier master key; ` +
            'start it with the current one and rotate again',
        ),
      ],
      complete: inUse.length === 0,
    };
  } finally {
    await client.end();
  }
}

/**
 * Brings everything under the current master key: rewraps what others wrapped, then drops the database
 * roles that followed from them. May be repeated at any time, also after it was killed.
 * @throws {SealedRefusal} when a master key is missing; nothing is changed then.
 */
export async function rotateMasterKey(
  database: Database,
  store: Store,
): Promise<MasterKeyRotation> {
  const { masterKeys } = database;
  await checkSealed(store, masterKeys);
  const tables = await rewrapAll({ store, masterKeys });
  const counts = await store.withSystem((em) => countSealed(em, sealedColumns));
  const left = counts.filter(({ masterKeyId }) => masterKeyId !== masterKeys.current.id);
  const failed = new Map(tables.map((table) => [table.columns, table.failed.length]));
  const roles = await retireRoles(database);
  return {
    lines: [
      `current master key: ${masterKeys.current.id}`,
      ...tables.map(({ columns, rewrapped }) => `${columns.noun[1]}: ${rewrapped} rewrapped`),
      ...tables.flatMap(({ columns, failed }) =>
        failed.map((key) => `${columns.noun[0]} ${key}: can’t be opened, left as it is`),
      ),
      // Written meanwhile by a process that seals with an earlier key.
      ...left
        .filter(({ columns, count }) => count > (failed.get(columns) ?? 0))
        .map(
          ({ columns, masterKeyId, count }) =>
            `${columns.noun[1]}: ${count} left under ${masterKeyId ?? 'an unnamed master key'}; rotate again`,
        ),
      ...roles.lines,
    ],
    complete: left.length === 0 && roles.complete,
  };
}
