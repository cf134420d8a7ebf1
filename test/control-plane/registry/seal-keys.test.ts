import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemActor } from '../../../control-plane/identity/actor.ts';
import { findNodeGroup } from '../../../control-plane/registry/node-groups.ts';
import {
  advanceSealKeys,
  ensureSealKeys,
  rotateSealKeys,
} from '../../../control-plane/registry/seal-keys.ts';
import type { KeySchedule } from '../../../control-plane/store/key-phases.ts';
import type { Store } from '../../../control-plane/store/store.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;
const schedule: KeySchedule = {
  rotationIntervalMs: 30 * dayMs,
  activationDelayMs: hourMs,
  retentionMs: 30 * dayMs,
};

let database: TestDatabase;
let store: Store;
let groupId: string;
let nowMs: number;

beforeEach(async () => {
  database = await createTestDatabase();
  store = await database.openStore();
  await ensureSealKeys(store, database.masterKeys);
  const [group] = await rows<{ id: string }>(`select id from node_groups where name = 'default'`);
  groupId = group?.id ?? '';
  // Later than the first key: they are listed by age.
  nowMs = Date.now() + 1000;
});
afterEach(() => database.drop());

function rows<Row extends object>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
  return store.withSystem((em) => em.execute<Row[]>(sql, parameters));
}

/** Takes every step that is due now. @returns how many there were. */
async function work(): Promise<number> {
  for (let steps = 0; ; steps += 1) {
    const rotation = { masterKeys: database.masterKeys, schedule, nowMs };
    if (!(await store.withSystem((em) => advanceSealKeys(em, rotation)))) return steps;
  }
}

const rotate = (nodeGroupId = groupId) =>
  rotateSealKeys({ store, masterKeys: database.masterKeys }, systemActor, { nodeGroupId }, nowMs);

async function ring() {
  const keys = (await findNodeGroup(store, groupId))?.sealKeys ?? [];
  return keys.map(({ phase, awaitedNodes }) => [phase, awaitedNodes]);
}

async function revision(): Promise<number> {
  const [state] = await rows<{ revision: string }>('select revision from platform_state');
  return Number(state?.revision);
}

/** A node that stands at a revision. */
async function node(at: {
  readonly applied: number;
  readonly received?: number;
  readonly connected?: boolean;
  readonly nack?: object;
}): Promise<string> {
  const id = randomUUID();
  await rows(
    `insert into nodes (id, node_group_id, name, connected, applied_revision, received_revision, last_nack)
     values (?, ?, ?, ?, ?, ?, ?::jsonb)`,
    [
      ...[id, groupId, id, at.connected ?? true, at.applied, at.received ?? at.applied],
      at.nack === undefined ? null : JSON.stringify(at.nack),
    ],
  );
  return id;
}

const setApplied = (id: string, applied: number) =>
  rows('update nodes set applied_revision = ? where id = ?', [applied, id]);

async function actions(): Promise<string[]> {
  const entries = await rows<{ action: string }>(
    `select action from audit_logs where action like 'seal_key.%' order by sequence`,
  );
  return entries.map(({ action }) => action);
}

describe('rotating a group’s seal keys', () => {
  test('publishes a key, makes it primary when its time has come, and drops the old one in the end', async () => {
    expect(await ring()).toEqual([['active', null]]);
    expect(await rotate()).toMatchObject({ ok: true });
    expect(await ring()).toEqual([
      ['active', null],
      ['published', 0],
    ]);
    expect(await work()).toBe(0);
    nowMs += hourMs;
    expect(await work()).toBe(1);
    expect(await ring()).toEqual([
      ['retired', null],
      ['active', null],
    ]);
    nowMs += 30 * dayMs - 1;
    expect(await work()).toBe(0);
    nowMs += 1;
    // Dropped, and the one that took its place is old enough for the next.
    expect(await work()).toBe(2);
    expect(await ring()).toEqual([
      ['active', null],
      ['published', 0],
    ]);
    const steps = ['create', 'publish', 'activate', 'drop', 'publish'];
    expect(await actions()).toEqual(steps.map((step) => `seal_key.${step}`));
  });

  test('waits for every connected node to have the new key, and not for those that are away', async () => {
    const before = await revision();
    const behind = await node({ applied: before });
    await node({ applied: before, connected: false });
    await rotate();
    nowMs += 2 * hourMs;
    expect(await work()).toBe(0);
    expect(await ring()).toEqual([
      ['active', null],
      ['published', 1],
    ]);
    await setApplied(behind, before + 1);
    expect(await work()).toBe(1);
    expect(await ring()).toEqual([
      ['retired', null],
      ['active', null],
    ]);
  });

  test('counts a node that rejects something else, and not one that rejects the keys', async () => {
    const before = await revision();
    await rotate();
    const published = await revision();
    const rejecting = (type: string) => ({ at: '', revision: published, rejected: [{ type }] });
    const other = { applied: before, received: published };
    await node({ ...other, nack: rejecting('Policy') });
    await node({ ...other, nack: { ...rejecting('SealKeyRing'), revision: before } });
    const stuck = await node({ ...other, nack: rejecting('SealKeyRing') });
    nowMs += hourMs;
    expect(await work()).toBe(0);
    expect(await ring()).toEqual([
      ['active', null],
      ['published', 1],
    ]);
    await rows('delete from nodes where id = ?', [stuck]);
    expect(await work()).toBe(1);
  });

  test('another group’s nodes are not waited for', async () => {
    const [other] = await rows<{ id: string }>(
      `insert into node_groups (id, name) values (gen_random_uuid(), 'other') returning id`,
    );
    const id = await node({ applied: 0 });
    await rows('update nodes set node_group_id = ? where id = ?', [other?.id, id]);
    await rotate();
    nowMs += hourMs;
    expect(await work()).toBe(1);
  });

  test('goes on when it is asked for again, and asks for no second key', async () => {
    await Promise.all([rotate(), rotate(), rotate()]);
    expect(await ring()).toEqual([
      ['active', null],
      ['published', 0],
    ]);
    const asked = ['seal_key.rotate', 'seal_key.rotate'];
    expect(await actions()).toEqual(['seal_key.create', 'seal_key.publish', ...asked]);
  });

  test('is refused when the ring is full, and for a group that is not there', async () => {
    for (let count = 0; count < 11; count += 1) {
      await rotate();
      nowMs += hourMs;
      await work();
    }
    expect(await ring()).toHaveLength(12);
    expect(await rotate()).toMatchObject({ ok: false, violations: [{ code: 'TOO_MANY' }] });
    for (const id of [randomUUID(), 'no-uuid']) {
      expect(await rotate(id)).toMatchObject({ ok: false, violations: [{ code: 'NOT_FOUND' }] });
    }
  });

  test('happens by itself once the key is old enough, for every group, by one of several workers', async () => {
    for (const name of ['one', 'two']) {
      await rows('insert into node_groups (id, name) values (gen_random_uuid(), ?)', [name]);
    }
    await ensureSealKeys(store, database.masterKeys);
    expect(await work()).toBe(0);
    nowMs += 30 * dayMs + 1000;
    const steps = await Promise.all([work(), work()]);
    expect(steps.reduce((sum, count) => sum + count)).toBe(3);
    const [counts] = await rows(
      `select count(*)::integer as keys, count(*) filter (where is_primary)::integer as primaries
       from seal_keys`,
    );
    expect(counts).toEqual({ keys: 6, primaries: 3 });
  });
});
