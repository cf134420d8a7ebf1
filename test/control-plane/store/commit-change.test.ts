import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type AuditChainHead,
  platformChainId,
  verifyAuditChain,
} from '../../../control-plane/audit/audit-chain.ts';
import {
  type Change,
  commitChange,
  recordAudit,
} from '../../../control-plane/store/commit-change.ts';
import { AuditChain } from '../../../control-plane/store/entities/audit-chain.ts';
import { AuditLog } from '../../../control-plane/store/entities/audit-log.ts';
import { ConfigChange } from '../../../control-plane/store/entities/config-change.ts';
import { Organization } from '../../../control-plane/store/entities/organization.ts';
import type { Store } from '../../../control-plane/store/store.ts';
import { uuidV7 } from '../../../control-plane/store/uuid-v7.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let store: Store;
let organization: string;
let other: string;

beforeAll(async () => {
  database = await createTestDatabase();
  store = await database.openStore();
});

afterAll(() => database.drop());

beforeEach(() => {
  organization = uuidV7();
  other = uuidV7();
});

function change(organizationId: string | null, overrides: Partial<Change> = {}): Change {
  return {
    organizationId,
    actor: { kind: 'user', id: 'u1', label: 'someone@example.com' },
    action: 'server.update',
    target: { type: 'server', id: 's1', label: 'files' },
    details: { fields: ['name'] },
    privateDetails: { address: '192.0.2.1' },
    resources: [{ kind: 'server', id: 's1' }],
    ...overrides,
  };
}

function inOrganization(id: string, overrides?: Partial<Change>) {
  return store.withOrganization(id, (em) => commitChange(em, change(id, overrides)));
}

async function verify(chainId: string) {
  return store.withSystem(async (em) => {
    const entries = await em.find(AuditLog, { chainId }, { orderBy: { sequence: 'asc' } });
    const head: AuditChainHead = await em.findOneOrFail(AuditChain, { chainId });
    return verifyAuditChain(chainId, entries, { head });
  });
}

/** What the gapless sequence of revisions looks like to one snapshot. */
function feedState() {
  return store.withSystem(
    async (em) => {
      const [row] = await em.execute<{ revision: string; count: string; last: string }[]>(
        `select (select revision from platform_state) as revision, count(*) as count,
           coalesce(max(revision), 0) as last from config_changes`,
      );
      return {
        revision: Number(row?.revision),
        count: Number(row?.count),
        last: Number(row?.last),
      };
    },
    { isolation: 'repeatable read' },
  );
}

describe('commitChange', () => {
  test('writes row, audit entry, revision and feed entry together', async () => {
    const before = (await feedState()).revision;
    const { revision } = await store.withPlatform(async (em) => {
      em.create(Organization, { id: organization, slug: `o-${before}`, name: 'New' });
      return commitChange(
        em,
        change(organization, {
          action: 'organization.create',
          resources: [{ kind: 'organization', id: organization }],
        }),
      );
    });
    expect(revision).toBe(before + 1);
    const written = await store.withSystem(async (em) => ({
      row: await em.findOneOrFail(Organization, { id: organization }),
      feed: await em.findOneOrFail(ConfigChange, { revision }),
      audit: await em.findOneOrFail(AuditLog, { chainId: organization, sequence: 1 }),
    }));
    expect(written.row).toMatchObject({ name: 'New', version: 1 });
    expect(written.feed).toMatchObject({
      organizationId: organization,
      entries: [{ kind: 'organization', id: organization }],
      auditChainId: organization,
      auditSequence: 1,
    });
    expect(written.audit).toMatchObject({
      revision,
      action: 'organization.create',
      actorLabel: 'someone@example.com',
      details: { fields: ['name'] },
      privateDetails: { address: '192.0.2.1' },
    });
    expect(written.feed.committedAt).toEqual(written.audit.at);
  });

  test('keeps where the actor acts from erasable, and by which credential for good', async () => {
    const actor = {
      kind: 'service',
      id: 's1',
      clientAddress: '192.0.2.7',
      credential: { kind: 'api_key', id: 'abcdefghijkl' },
    } as const;
    await inOrganization(organization, { actor });
    const audit = await store.withSystem((em) =>
      em.findOneOrFail(AuditLog, { chainId: organization, sequence: 1 }),
    );
    expect(audit.details).toEqual({
      fields: ['name'],
      credential: { kind: 'api_key', id: 'abcdefghijkl' },
    });
    expect(audit.privateDetails).toEqual({ address: '192.0.2.1', clientAddress: '192.0.2.7' });
    expect(await verify(organization)).toMatchObject({ ok: true });
  });

  test('leaves nothing, not even a revision, when the transaction fails afterwards', async () => {
    const before = await feedState();
    const failing = store.withOrganization(organization, async (em) => {
      await commitChange(em, change(organization));
      throw new Error('refused');
    });
    await expect(failing).rejects.toThrow('refused');
    expect(await feedState()).toEqual(before);
    expect(await store.withSystem((em) => em.count(AuditLog, { chainId: organization }))).toBe(0);
    expect((await inOrganization(organization)).revision).toBe(before.revision + 1);
  });

  test('gives gapless revisions in commit order to many writers, and their chains verify', async () => {
    const before = await feedState();
    const chains: (string | null)[] = [organization, other, null];
    let writing = true;
    const observed: { revision: number; count: number; last: number }[] = [];
    const observer = (async () => {
      while (writing) observed.push(await feedState());
    })();
    const writers = Array.from({ length: 60 }, (_, index) => {
      const chain = chains[index % 3] ?? null;
      if (chain === null) {
        return store.withPlatform((em) => commitChange(em, change(null, { details: { index } })));
      }
      return inOrganization(chain, { details: { index } });
    });
    // Failing writers in between must leave no gap.
    const failing = Array.from({ length: 10 }, () =>
      store
        .withOrganization(organization, async (em) => {
          await commitChange(em, change(organization));
          throw new Error('refused');
        })
        .catch(() => undefined),
    );
    const revisions = (await Promise.all(writers)).map((result) => result.revision);
    await Promise.all(failing);
    writing = false;
    await observer;

    const expected = Array.from({ length: 60 }, (_, index) => before.revision + index + 1);
    expect([...revisions].sort((a, b) => a - b)).toEqual(expected);
    // No snapshot ever shows a revision without all that came before it.
    for (const state of observed) {
      expect(state).toEqual({ revision: state.last, count: state.last, last: state.last });
    }
    for (const chainId of [organization, other, platformChainId]) {
      expect(await verify(chainId)).toMatchObject({ ok: true });
    }
    const times = await store.withSystem((em) =>
      em.find(ConfigChange, {}, { orderBy: { revision: 'asc' } }),
    );
    const committed = times.map((row) => row.committedAt.getTime());
    expect(committed).toEqual([...committed].sort((a, b) => a - b));
  });

  test('keeps text that PostgreSQL or SQL could trip over', async () => {
    const label = `O'Brien ? ?? :x $1 \\ "q" \0 \uD800 — ünï`;
    await inOrganization(organization, {
      actor: { kind: 'service', id: label, label },
      details: { [label]: [label, 1.5, -0, 1e21, null, true] },
      privateDetails: { label },
    });
    const [entry] = await store.withOrganization(organization, (em) => em.find(AuditLog, {}));
    expect(entry?.actorLabel).toBe(label.replace('\0', '\uFFFD').replace('\uD800', '\uFFFD'));
    expect(await verify(organization)).toMatchObject({ ok: true });
  });

  test('writes to no other organization’s chain', async () => {
    const foreign = store.withOrganization(organization, (em) => commitChange(em, change(other)));
    await expect(foreign).rejects.toThrow(/row-level security/);
    const platform = store.withOrganization(organization, (em) => commitChange(em, change(null)));
    await expect(platform).rejects.toThrow(/row-level security/);
  });

  test('lets a person’s own transaction add to the platform’s chain', async () => {
    await store.withUser(uuidV7(), (em) =>
      commitChange(em, change(null, { action: 'user.password_change', resources: [] })),
    );
    expect(await verify(platformChainId)).toMatchObject({ ok: true });
  });

  test('refuses more resources than a revision may name', async () => {
    const resources = Array.from({ length: 1001 }, () => ({ kind: 'server', id: 's' }) as const);
    await expect(inOrganization(organization, { resources })).rejects.toThrow(RangeError);
  });
});

test('recordAudit adds an entry to the chain without a revision', async () => {
  const before = await feedState();
  await inOrganization(organization);
  await store.withOrganization(organization, (em) =>
    recordAudit(em, change(organization, { action: 'session.create' })),
  );
  await inOrganization(organization);
  expect((await feedState()).revision).toBe(before.revision + 2);
  expect(await verify(organization)).toMatchObject({ ok: true, head: { sequence: 3 } });
});

describe('tampering by whoever has the database', () => {
  async function asOwner(sql: string, values: unknown[]): Promise<void> {
    const owner = await database.connect('owner');
    await owner.query(sql, values);
  }

  beforeEach(async () => {
    for (let index = 0; index < 3; index += 1) await inOrganization(organization);
    expect(await verify(organization)).toMatchObject({ ok: true });
  });

  test.each([
    [`update audit_logs set actor_id = 'u2' where chain_id = $1 and sequence = 2`, 2],
    [`update audit_logs set details = '{}' where chain_id = $1 and sequence = 2`, 2],
    [`update audit_logs set at = at - interval '1 ms' where chain_id = $1 and sequence = 2`, 2],
    [`update audit_logs set actor_label = 'x' where chain_id = $1 and sequence = 2`, 2],
    ['delete from audit_logs where chain_id = $1 and sequence = 2', 3],
    ['delete from audit_logs where chain_id = $1 and sequence = 3', 3],
  ])('is found: %s', async (sql, sequence) => {
    await asOwner(sql, [organization]);
    expect(await verify(organization)).toMatchObject({ ok: false, sequence });
  });
});
