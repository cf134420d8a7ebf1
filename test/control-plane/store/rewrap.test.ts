import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MasterKey } from '../../../control-plane/store/master-key.ts';
import { MasterKeyRing } from '../../../control-plane/store/master-key-ring.ts';
import { rewrapAll } from '../../../control-plane/store/rewrap.ts';
import { checkSealed, SealedRefusal } from '../../../control-plane/store/sealed-check.ts';
import { sealedColumns } from '../../../control-plane/store/sealed-columns.ts';
import type { Store } from '../../../control-plane/store/store.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { SealedDatabase } from '../../support/sealed-database.ts';

const oldKey = new MasterKey(Buffer.alloc(32, 1));
const newKey = new MasterKey(Buffer.alloc(32, 2));
const otherKey = new MasterKey(Buffer.alloc(32, 3));
const before = new MasterKeyRing(oldKey, [newKey]);
const after = new MasterKeyRing(newKey, [oldKey]);

let database: TestDatabase;
let store: Store;
let sealed: SealedDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
  store = await database.openStore();
  sealed = new SealedDatabase(store);
});
afterEach(() => database.drop());

interface Entry {
  readonly organizationId: string | null;
  readonly details: { readonly table: string; readonly rewrapped: number; readonly from: unknown };
}

async function entries(): Promise<Entry[]> {
  return store.withSystem((em) =>
    em.execute<Entry[]>(
      `select organization_id as "organizationId", details from audit_logs
       where action = 'master_key.rotate' and target_id = ? order by organization_id nulls first, sequence`,
      [newKey.id],
    ),
  );
}

/** How many rows the entries account for, by table. */
async function accountedFor(): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const { details } of await entries()) {
    sums[details.table] = (sums[details.table] ?? 0) + details.rewrapped;
  }
  return sums;
}

/** A store that breaks before its n-th transaction, as a process that is killed there. */
function killedAt(transaction: number): Store {
  let begun = 0;
  return {
    ...store,
    withSystem: async (work, options) => {
      begun += 1;
      if (begun > transaction) throw new Error('killed');
      return store.withSystem(work, options);
    },
  };
}

test('every column that names a master key is known to the rotation, and every wrapped key names one', async () => {
  const columnsLike = async (pattern: string) =>
    store.withSystem((em) =>
      em.execute<{ place: string }[]>(
        `select table_name || '.' || column_name as place from information_schema.columns
         where table_schema = 'public' and column_name like ? order by 1`,
        [pattern],
      ),
    );
  const named = sealedColumns.map(({ table, masterKeyId }) => `${table}.${masterKeyId}`);
  const wrapped = sealedColumns.map(({ table, wrappedKey }) => `${table}.${wrappedKey}`);
  expect((await columnsLike('%master_key%')).map(({ place }) => place)).toEqual(named.sort());
  expect((await columnsLike('%wrapped%')).map(({ place }) => place)).toEqual(wrapped.sort());
});

describe('a rotation of the master key', () => {
  test('wraps everything by the new key, so that it opens without the old one', async () => {
    await sealed.addPlatformKeys(before);
    await sealed.addPlatformKeys(before, true);
    await sealed.addOrganization(before, 5);
    await sealed.addOrganization(after, 2);
    await sealed.addOrganization(before, 0);
    expect(await sealed.wrong(before)).toEqual([]);
    expect((await sealed.wrong(new MasterKeyRing(newKey))).length).toBeGreaterThan(10);

    const tables = await rewrapAll({ store, masterKeys: after, batchRowsMax: 2 });
    const counts = tables.map(({ columns, rewrapped, failed }) => [
      columns.table,
      rewrapped,
      failed,
    ]);
    expect(counts).toEqual([
      ['signing_keys', 2, []],
      ['seal_keys', 2, []],
      ['upstream_secrets', 5, []],
      ['issuers', 2, []],
      ['oidc_logins', 2, []],
    ]);
    expect(await sealed.wrong(new MasterKeyRing(newKey))).toEqual([]);
    await checkSealed(store, new MasterKeyRing(newKey));
  });

  test('writes an entry for each batch into the chain of whose rows they are, and no revision', async () => {
    const organizationId = await sealed.addOrganization(before, 5);
    await sealed.addPlatformKeys(before);
    await rewrapAll({ store, masterKeys: after, batchRowsMax: 2 });
    const from = [oldKey.id];
    const batch = (owner: string | null, table: string, rewrapped: number) => ({
      organizationId: owner,
      details: { table, rewrapped, from },
    });
    expect(await entries()).toEqual([
      batch(null, 'signing_keys', 1),
      batch(null, 'seal_keys', 1),
      batch(organizationId, 'upstream_secrets', 2),
      batch(organizationId, 'upstream_secrets', 2),
      batch(organizationId, 'upstream_secrets', 1),
      batch(organizationId, 'issuers', 1),
      batch(organizationId, 'oidc_logins', 1),
    ]);
    const [state] = await store.withSystem((em) =>
      em.execute(`select s.revision::integer as revision,
        (select count(*)::integer from upstream_secrets where updated_at <> '2026-01-01') as changed
        from platform_state s`),
    );
    expect(state).toEqual({ revision: 0, changed: 0 });
  });

  test('finds nothing to do the second time, and says so in no entry', async () => {
    await sealed.addOrganization(before, 3);
    await rewrapAll({ store, masterKeys: after });
    const written = (await entries()).length;
    const again = await rewrapAll({ store, masterKeys: after });
    expect(again.map(({ rewrapped }) => rewrapped)).toEqual([0, 0, 0, 0, 0]);
    expect(await entries()).toHaveLength(written);
  });

  test('goes on where it was killed, wherever that was', async () => {
    await sealed.addPlatformKeys(before);
    for (const servers of [3, 1, 4]) await sealed.addOrganization(before, servers);
    let runs = 0;
    // One transaction more each time: every transaction is once the one that was cut off.
    for (;;) {
      runs += 1;
      const outcome = await rewrapAll({
        store: killedAt(runs),
        masterKeys: after,
        batchRowsMax: 2,
      }).catch((error: Error) => error.message);
      expect(await sealed.wrong(after)).toEqual([]);
      if (outcome !== 'killed') break;
    }
    expect(runs).toBeGreaterThan(5);
    expect(await sealed.wrong(new MasterKeyRing(newKey))).toEqual([]);
    const tables = {
      signing_keys: 1,
      seal_keys: 1,
      upstream_secrets: 8,
      issuers: 3,
      oidc_logins: 3,
    };
    expect(await accountedFor()).toEqual(tables);
  });

  test('may run twice at once, while others write', async () => {
    for (const servers of [6, 6, 6]) await sealed.addOrganization(before, servers);
    const rotate = () => rewrapAll({ store, masterKeys: after, batchRowsMax: 3 });
    await Promise.all([rotate(), rotate(), sealed.addOrganization(after, 4)]);
    expect(await sealed.wrong(new MasterKeyRing(newKey))).toEqual([]);
    expect(await accountedFor()).toEqual({ upstream_secrets: 18, issuers: 3, oidc_logins: 3 });
  });

  test('leaves a row that does not open as it is, names it and does the rest', async () => {
    await sealed.addOrganization(before, 4);
    const [spoilt] = await store.withSystem((em) =>
      em.execute<{ key: string }[]>(
        `update upstream_secrets set wrapped_key = '\\x01ff' where id in
           (select id from upstream_secrets order by id limit 1)
         returning organization_id || '/' || id as key`,
      ),
    );
    const tables = await rewrapAll({ store, masterKeys: after, batchRowsMax: 1 });
    expect(tables.map(({ rewrapped }) => rewrapped)).toEqual([0, 0, 3, 1, 1]);
    expect(tables.flatMap(({ failed }) => failed)).toEqual([spoilt?.key]);
  });
});

describe('the check at start', () => {
  async function faults(masterKeys: MasterKeyRing): Promise<readonly string[]> {
    const outcome = await checkSealed(store, masterKeys).catch((error: unknown) => error);
    if (outcome === undefined) return [];
    if (!(outcome instanceof SealedRefusal)) throw outcome;
    for (const { id } of masterKeys.keys()) expect(outcome.message).toContain(id);
    return outcome.faults;
  }

  test('names each master key that is missing, what it sealed, and the setting that it goes to', async () => {
    await sealed.addOrganization(before, 2);
    await sealed.addPlatformKeys(after);
    expect(await faults(before)).toEqual([]);
    const what = (names: string, id: string) =>
      `${names}: sealed with master key ${id}; add its file to MCPGW_PREVIOUS_MASTER_KEY_FILES`;
    expect(await faults(new MasterKeyRing(otherKey))).toEqual([
      what('1 signing key, 1 seal key', newKey.id),
      what(
        '2 credentials of MCP servers, 1 client secret of an issuer, 1 log-in under way',
        oldKey.id,
      ),
    ]);
  });

  test('opens the platform’s keys, also those that name no master key', async () => {
    await sealed.addPlatformKeys(before, true);
    expect(await faults(before)).toEqual([]);
    const unopened = await faults(new MasterKeyRing(otherKey));
    expect(unopened).toHaveLength(2);
    for (const fault of unopened)
      expect(fault).toMatch(/^(signing|seal) key .*: none of them opens/);
    await store.withSystem((em) =>
      em.execute('update signing_keys set master_key_id = ?', [newKey.id]),
    );
    expect(await faults(before)).toEqual([
      expect.stringMatching(new RegExp(`^signing key .*: ${newKey.id} should open it`)),
    ]);
  });
});
