import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { EntityManager } from '@mikro-orm/postgresql';
import { systemActor } from '../../../control-plane/identity/actor.ts';
import {
  revokeMember,
  revokeSession,
  revokeUser,
} from '../../../control-plane/identity/revocations.ts';
import { readConfigChanges } from '../../../control-plane/snapshot/config-changes.ts';
import type { ChangedResource } from '../../../control-plane/store/changed-resource.ts';
import { commitChange } from '../../../control-plane/store/commit-change.ts';
import type { Store } from '../../../control-plane/store/store.ts';
import { runClaimed } from '../../../control-plane/worker/job.ts';
import { pruneRevocationsJob } from '../../../control-plane/worker/prune-revocations-job.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let store: Store;
const [acme, globex, initech] = [randomUUID(), randomUUID(), randomUUID()];
const [alice, bob] = [randomUUID(), randomUUID()];
let revision: number;

beforeAll(async () => {
  database = await createTestDatabase();
  store = await database.openStore();
  await store.withSystem(async (em) => {
    for (const id of [acme, globex, initech]) {
      await em.execute('insert into organizations (id, slug, name) values (?, ?, ?)', [
        id,
        `o-${id.slice(0, 8)}`,
        'O',
      ]);
    }
    for (const id of [alice, bob]) {
      await em.execute('insert into users (id, email, display_name) values (?, ?, ?)', [
        id,
        `${id}@example.com`,
        'P',
      ]);
    }
  });
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  await store.withSystem((em) => em.execute('delete from revocations'));
  await store.withSystem((em) => em.execute('delete from sessions'));
  revision = await currentRevision();
});

async function currentRevision(): Promise<number> {
  const [row] = await store.withSystem((em) =>
    em.execute<{ revision: string }[]>('select revision from platform_state'),
  );
  return Number(row?.revision);
}

/** A session that holds tokens for these organizations, each for so many seconds more. */
async function session(userId: string, tokens: Record<string, number>): Promise<string> {
  const id = randomUUID();
  await store.withSystem(async (em) => {
    await em.execute(
      `insert into sessions (id, user_id, client_address, created_at, last_used_at, expires_at, refresh_count)
       values (?, ?, '', now(), now(), now() + interval '1 hour', 0)`,
      [id, userId],
    );
    for (const [organizationId, seconds] of Object.entries(tokens)) {
      await em.execute(
        `insert into session_proxy_tokens (session_id, user_id, organization_id, expires_at)
         values (?, ?, ?, now() + ? * interval '1 second')`,
        [id, userId, organizationId, seconds],
      );
    }
  });
  return id;
}

function commit(em: EntityManager, organizationId: string | null, resource: ChangedResource) {
  return commitChange(em, {
    organizationId,
    actor: systemActor,
    action: 'test.end',
    target: { type: 'test', id: 'x' },
    resources: [resource],
  });
}

/** What replicas read of what has been committed since the test began. */
async function told() {
  const { rows } = await readConfigChanges(store, revision, 100);
  return rows.revocations;
}

function organizationsOf(rows: readonly { readonly organizationId: string }[]): string[] {
  return rows.map(({ organizationId }) => organizationId).sort();
}

describe('the end of a session', () => {
  test('is told to the organizations that it holds tokens for, in one resource of the change', async () => {
    const id = await session(alice, { [acme]: 300, [globex]: 10, [initech]: -3600 });
    await session(alice, { [initech]: 300 });
    await store.withUser(alice, async (em) => {
      const resource = await revokeSession(em, id, 'session_ended');
      expect(resource.kind).toBe('revocation');
      await commit(em, null, resource);
    });
    const rows = await told();
    expect(organizationsOf(rows)).toEqual([acme, globex].sort());
    for (const row of rows) {
      expect(row).toMatchObject({ sessionId: id, subject: null, issuedBeforeMs: null });
      expect(row.expiresAtMs).toBeGreaterThan(Date.now() + 10_000);
    }
  });

  test('can be told by its owner, the platform and the system, and by nobody else', async () => {
    const id = await session(alice, { [acme]: 300 });
    await store.withUser(bob, (em) => revokeSession(em, id, 'session_ended'));
    await store.withOrganization(globex, (em) => revokeSession(em, id, 'session_ended'));
    expect(await count()).toBe(0);
    await store.withUser(alice, (em) => revokeSession(em, id, 'session_ended'));
    await store.withPlatform((em) => revokeSession(em, id, 'refresh_token_reused'));
    await store.withSystem((em) => revokeSession(em, id, 'session_ended'));
    expect(await count()).toBe(3);
  });

  async function count(): Promise<number> {
    const [row] = await store.withSystem((em) =>
      em.execute<{ count: number }[]>('select count(*)::int as count from revocations'),
    );
    return row?.count ?? 0;
  }

  test('written for somebody else’s session or person is refused by the database', async () => {
    const id = await session(alice, {});
    const insert = (em: EntityManager, column: string, value: string, issuedBefore: string) =>
      em.execute(
        `insert into revocations (organization_id, id, change_id, reason, expires_at, ${column}, issued_before)
         values (?, gen_random_uuid(), gen_random_uuid(), 'x', now(), ?, ${issuedBefore})`,
        [acme, value],
      );
    const denied = { code: '42501' };
    await expect(
      store.withUser(bob, (em) => insert(em, 'session_id', id, 'null')),
    ).rejects.toMatchObject(denied);
    await expect(
      store.withUser(bob, (em) => insert(em, 'subject', `user:${alice}`, 'now()')),
    ).rejects.toMatchObject(denied);
    await expect(
      store.withOrganization(globex, (em) => insert(em, 'subject', `user:${alice}`, 'now()')),
    ).rejects.toMatchObject(denied);
  });
});

describe('the end of a person’s access', () => {
  test('is told wherever any of the person’s sessions holds tokens, by the database’s clock', async () => {
    await session(alice, { [acme]: 300, [globex]: 300 });
    await session(alice, { [acme]: 600 });
    await session(bob, { [initech]: 300 });
    await store.withPlatform(async (em) => {
      await commit(em, null, await revokeUser(em, alice, 'user_disabled'));
    });
    const rows = await told();
    expect(organizationsOf(rows)).toEqual([acme, globex].sort());
    for (const row of rows) {
      expect(row.subject).toBe(`user:${alice}`);
      expect(Math.abs((row.issuedBeforeMs ?? 0) - Date.now())).toBeLessThan(5000);
    }
    // As long as the longest of the tokens, and longer.
    const inAcme = rows.find(({ organizationId }) => organizationId === acme);
    expect(inAcme?.expiresAtMs).toBeGreaterThan(Date.now() + 600_000);
  });

  test('in one organization is told there alone', async () => {
    await session(alice, { [acme]: 300, [globex]: 300 });
    await store.withOrganization(acme, async (em) => {
      const member = { organizationId: acme, userId: alice };
      await commit(em, acme, await revokeMember(em, member, 'member_removed'));
    });
    expect(organizationsOf(await told())).toEqual([acme]);
  });
});

describe('pruning', () => {
  test('removes what has long expired, in a change that replicas hear of', async () => {
    const id = await session(alice, { [acme]: 300, [globex]: 300 });
    await store.withSystem(async (em) => {
      await commit(em, null, await revokeSession(em, id, 'session_ended'));
    });
    const [first, second] = await told();
    await store.withSystem((em) =>
      em.execute(`update revocations set expires_at = now() - interval '61 minutes' where id = ?`, [
        first?.id ?? '',
      ]),
    );
    const before = await currentRevision();
    expect(await runClaimed(store, pruneRevocationsJob)).toBe(true);
    const { revisions } = await readConfigChanges(store, before, 100);
    expect(revisions).toEqual([[{ kind: 'revocation', id: first?.id }]]);
    expect(await told()).toMatchObject([{ id: second?.id }]);
    // Nothing to do is no change.
    await runClaimed(store, pruneRevocationsJob);
    expect(await currentRevision()).toBe(before + 1);
  });
});
