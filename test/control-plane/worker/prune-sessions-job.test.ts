import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Client } from 'pg';
import type { Store } from '../../../control-plane/store/store.ts';
import { runClaimed } from '../../../control-plane/worker/job.ts';
import { pruneSessionsJob } from '../../../control-plane/worker/prune-sessions-job.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let store: Store;
let system: Client;
const userId = '019aa000-0000-7000-8000-000000000001';
const organizationId = '019aa000-0000-7000-8000-000000000002';

beforeAll(async () => {
  database = await createTestDatabase();
  store = await database.openStore();
  system = await database.connect('system');
  await system.query(
    `insert into users (id, email, display_name) values ($1, 'a@example.com', 'A')`,
    [userId],
  );
  await system.query(`insert into organizations (id, slug, name) values ($1, 'demo', 'Demo')`, [
    organizationId,
  ]);
});

afterAll(() => database.drop());

interface SessionTimes {
  readonly ends: string;
  readonly endedAt?: string;
  readonly refreshEnds: string;
}

/** A session with one refresh token; times are intervals from now. */
async function session(name: string, times: SessionTimes): Promise<void> {
  const { ends, endedAt, refreshEnds } = times;
  const { rows } = await system.query<{ id: string }>(
    `insert into sessions (id, user_id, client_address, user_agent, expires_at, ended_at)
     values (gen_random_uuid(), $1, '192.0.2.1', $2, now() + $3::interval, now() + $4::interval)
     returning id`,
    [userId, name, ends, endedAt ?? null],
  );
  await system.query(
    `insert into refresh_tokens (token_id, token_hash, session_id, expires_at)
     values ($1, $2, $3, now() + $4::interval)`,
    [randomBytes(6).toString('hex'), randomBytes(32), rows[0]?.id, refreshEnds],
  );
}

async function invitation(email: string, ends: string): Promise<void> {
  await system.query(
    `insert into one_time_tokens (id, token_id, token_hash, purpose, organization_id, email, role,
       created_by, expires_at)
     values (gen_random_uuid(), $1, $2, 'invitation', $3, $4, 'agent', 'x', now() + $5::interval)`,
    [randomBytes(6).toString('hex'), randomBytes(32), organizationId, email, ends],
  );
}

async function throttle(first: number, ends: string): Promise<void> {
  await system.query(
    `insert into login_throttles (key, failures, window_ends_at) values ($1, 1, now() + $2::interval)`,
    [Buffer.alloc(32, first), ends],
  );
}

test('what is over is ended or forgotten in its time, and nothing else', async () => {
  await session('standing', { ends: '1 hour', refreshEnds: '10 minutes' });
  await session('idle', { ends: '1 hour', refreshEnds: '-1 minute' });
  await session('ended lately', { ends: '1 hour', endedAt: '-2 hours', refreshEnds: '10 minutes' });
  await session('ended', { ends: '1 hour', endedAt: '-2 days', refreshEnds: '10 minutes' });
  await session('forgotten', { ends: '1 hour', endedAt: '-31 days', refreshEnds: '10 minutes' });
  await session('expired long ago', { ends: '-31 days', refreshEnds: '-31 days' });
  await invitation('waits@example.com', '1 hour');
  await invitation('lately@example.com', '-1 day');
  await invitation('over@example.com', '-8 days');
  await throttle(1, '1 minute');
  await throttle(2, '-1 minute');

  const job = pruneSessionsJob({ forgottenAfterMs: 30 * 24 * 3_600_000 });
  expect(await runClaimed(store, job)).toBe(true);

  const { rows: sessions } = await system.query(
    `select s.user_agent as name, s.end_reason as reason, count(t)::int as tokens
     from sessions s left join refresh_tokens t on t.session_id = s.id group by s.id order by 1`,
  );
  expect(sessions).toEqual([
    { name: 'ended', reason: null, tokens: 0 },
    { name: 'ended lately', reason: null, tokens: 1 },
    { name: 'idle', reason: 'idle', tokens: 1 },
    { name: 'standing', reason: null, tokens: 1 },
  ]);
  const { rows: invitations } = await system.query('select email from one_time_tokens order by 1');
  expect(invitations).toEqual([{ email: 'lately@example.com' }, { email: 'waits@example.com' }]);
  const { rows: throttles } = await system.query<{ key: Buffer }>(
    'select key from login_throttles',
  );
  expect(throttles.map(({ key }) => key[0])).toEqual([1]);
});
