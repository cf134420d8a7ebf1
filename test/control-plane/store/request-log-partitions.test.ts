import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Client } from 'pg';
import { RequestLog } from '../../../control-plane/store/entities/request-log.ts';
import { ensureRequestLogPartitions } from '../../../control-plane/store/request-log-partitions.ts';
import type { Store } from '../../../control-plane/store/store.ts';
import { uuidV7 } from '../../../control-plane/store/uuid-v7.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const organization = uuidV7();
const nodeId = uuidV7();
let database: TestDatabase;
let store: Store;
let system: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  store = await database.openStore();
  system = await database.connect('system');
});

afterAll(() => database.drop());

function record(receivedAt: string) {
  return store.withSystem(async (em) => {
    em.create(RequestLog, {
      id: uuidV7(),
      receivedAt: new Date(receivedAt),
      organizationId: organization,
      nodeId,
      callId: uuidV7(),
      phase: 'complete',
      startedAt: new Date(receivedAt),
      serverId: null,
      endpointId: null,
      era: null,
      decision: 'allowed',
    });
  });
}

async function partitions(): Promise<Record<string, number>> {
  const { rows } = await system.query<{ part: string; count: number }>(
    'select tableoid::regclass::text as part, count(*)::int from request_logs group by 1 order by 1',
  );
  return Object.fromEntries(rows.map((row) => [row.part, row.count]));
}

function ensure(from: string, days: number): Promise<number> {
  return store.withSystem((em) => ensureRequestLogPartitions(em, new Date(from), days));
}

test('a record never fails for want of a partition, and moves to its day’s when that is made', async () => {
  await record('2031-01-01T00:00:00.000Z');
  await record('2031-01-01T23:59:59.999Z');
  await record('2031-01-02T00:00:00.000Z');
  expect(await partitions()).toEqual({ request_logs_default: 3 });
  expect(await ensure('2031-01-01T12:00:00Z', 1)).toBe(1);
  expect(await partitions()).toEqual({ request_logs_default: 1, request_logs_20310101: 2 });
  expect(await ensure('2031-01-01T12:00:00Z', 3)).toBe(2);
  await record('2031-01-03T10:00:00.000Z');
  expect(await partitions()).toEqual({
    request_logs_20310101: 2,
    request_logs_20310102: 1,
    request_logs_20310103: 1,
  });
});

test('days are UTC days, whatever the session’s time zone', async () => {
  await system.query(`set timezone = 'Pacific/Auckland'`);
  await system.query(`select ensure_request_log_partitions('2031-02-01', 1)`);
  await system.query('reset timezone');
  await record('2031-02-01T00:00:00.000Z');
  await record('2031-02-01T23:59:59.999Z');
  expect(await partitions()).toMatchObject({ request_logs_20310201: 2 });
});

test('writers and several makers at once lose nothing and make each partition once', async () => {
  const days = Array.from({ length: 8 }, (_, index) => `2031-03-0${index + 1}T12:00:00.000Z`);
  const made = await Promise.all([
    ...days.flatMap((day) => [record(day), record(day)]).map((done) => done.then(() => 0)),
    ...[1, 2, 3].map(() => ensure('2031-03-01T00:00:00Z', 8)),
  ]);
  expect(made.reduce((sum, count) => sum + count, 0)).toBe(8);
  const counts = await partitions();
  for (const day of days) {
    expect(counts[`request_logs_${day.slice(0, 10).replaceAll('-', '')}`]).toBe(2);
  }
});

test('each is read through its parent only, and takes part in paging', async () => {
  await expect(system.query('select * from request_logs_20310101')).rejects.toMatchObject({
    code: '42501',
  });
  const rows = await store.withOrganization(organization, (em) =>
    em.find(
      RequestLog,
      { receivedAt: { $lt: new Date('2031-01-04T00:00:00Z') } },
      { orderBy: { receivedAt: 'desc', id: 'desc' }, limit: 2 },
    ),
  );
  expect(rows.map((row) => row.receivedAt.toISOString())).toEqual([
    '2031-01-03T10:00:00.000Z',
    '2031-01-02T00:00:00.000Z',
  ]);
});

test('only the system role makes them, and not without bound', async () => {
  const app = await database.connect('app');
  const call = `select ensure_request_log_partitions('2031-05-01', 1)`;
  await expect(app.query(call)).rejects.toMatchObject({ code: '42501' });
  await expect(ensure('2031-05-01T00:00:00Z', 101)).rejects.toThrow(/between 1 and 100/);
});
