import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  // Hangs when a pool has lost a connection for good.
  await database.drop();
});

test('connections that break inside transactions, more than the pool has, leave it whole', async () => {
  const store = await database.openStore({ systemPoolSizeMax: 2, connectTimeoutMs: 1000 });
  const owner = await database.connect('owner');
  const cut = () =>
    owner.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`,
    );
  for (let turn = 0; turn < 4; turn += 1) {
    const broken = store.withSystem(async (em) => {
      await em.execute('select 1');
      await cut();
      await em.execute('select 1');
    });
    await expect(broken).rejects.toThrow();
  }
  const rows = await Promise.all(
    [1, 2, 3].map(() => store.withSystem((em) => em.execute('select 1 as one'))),
  );
  expect(rows).toHaveLength(3);
});
