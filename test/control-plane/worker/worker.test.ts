import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Client } from 'pg';
import { pino } from 'pino';
import type { Store } from '../../../control-plane/store/store.ts';
import { runClaimed } from '../../../control-plane/worker/job.ts';
import { startWorker } from '../../../control-plane/worker/worker.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let store: Store;
let owner: Client;
const logger = pino({ level: 'silent' });

async function partitions(): Promise<string[]> {
  const { rows } = await owner.query<{ name: string }>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'request_logs'::regclass and c.relname <> 'request_logs_default' order by 1`,
  );
  return rows.map(({ name }) => name);
}

beforeAll(async () => {
  database = await createTestDatabase();
  store = await database.openStore();
  owner = await database.connect('owner');
});

afterAll(async () => {
  await database.drop();
});

describe('worker', () => {
  test('partitions exist ahead of time, and each further day adds one', async () => {
    let now = Date.parse('2026-11-22T23:59:00Z');
    const options = { store, logger, nowMs: () => now, partitionDaysAhead: 2 };
    await (await startWorker(options)).close();
    const first = await partitions();
    expect(first).toEqual([
      'request_logs_20261121',
      'request_logs_20261122',
      'request_logs_20261123',
      'request_logs_20261124',
    ]);
    now += 2 * 60 * 1000;
    await (await startWorker(options)).close();
    expect(await partitions()).toEqual([...first, 'request_logs_20261125']);
  });

  test('a job that another worker is at is left to it', async () => {
    const begun = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const job = (run: () => Promise<void>) => ({ name: 'claimed', run });
    const first = runClaimed(
      store,
      job(async () => {
        begun.resolve();
        await finish.promise;
      }),
    );
    await begun.promise;
    let ran = false;
    const second = await runClaimed(
      store,
      job(async () => {
        ran = true;
      }),
    );
    finish.resolve();
    expect({ first: await first, second, ran }).toEqual({ first: true, second: false, ran: false });
  });

  test('nodes that are long gone and have no token any more are forgotten', async () => {
    const [group] = (await owner.query(`select id from node_groups where name = 'default'`)).rows;
    const add = (name: string, seenDaysAgo: number, connected = false) =>
      owner.query(
        `insert into nodes (id, node_group_id, name, connected, last_seen_at)
         values (gen_random_uuid(), $1, $2, $3, now() - $4 * interval '1 day')`,
        [group.id, name, connected, seenDaysAgo],
      );
    await add('gone', 40);
    await add('recent', 3);
    await add('connected', 40, true);
    await add('with-token', 40);
    await owner.query(
      `insert into node_tokens (id, token_id, token_hash, node_group_id, name)
       values (gen_random_uuid(), 'abcdefghijkl', sha256('x'), $1, 'with-token')`,
      [group.id],
    );
    await (await startWorker({ store, logger, nowMs: Date.now })).close();
    const { rows } = await owner.query('select name from nodes order by name');
    expect(rows.map(({ name }) => name)).toEqual(['connected', 'recent', 'with-token']);
  });
});
