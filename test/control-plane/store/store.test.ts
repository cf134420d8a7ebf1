import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { OptimisticLockError, UniqueConstraintViolationException } from '@mikro-orm/core';
import { pino } from 'pino';
import { McpEndpoint } from '../../../control-plane/store/entities/mcp-endpoint.ts';
import { McpServer } from '../../../control-plane/store/entities/mcp-server.ts';
import { Organization } from '../../../control-plane/store/entities/organization.ts';
import { UpstreamSecret } from '../../../control-plane/store/entities/upstream-secret.ts';
import { User } from '../../../control-plane/store/entities/user.ts';
import { readEpoch } from '../../../control-plane/store/epoch.ts';
import { StoreRefusal } from '../../../control-plane/store/role-check.ts';
import type { Store } from '../../../control-plane/store/store.ts';
import { uuidV7 } from '../../../control-plane/store/uuid-v7.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let store: Store;
const ours = uuidV7();
const theirs = uuidV7();

beforeAll(async () => {
  database = await createTestDatabase();
  store = await database.openStore();
  await store.withPlatform(async (em) => {
    em.create(Organization, { id: ours, slug: 'ours', name: 'Ours' });
    em.create(Organization, { id: theirs, slug: 'theirs', name: 'Theirs' });
  });
});

afterAll(() => database.drop());

function server(organizationId: string, slug: string) {
  return {
    organizationId,
    id: uuidV7(),
    slug,
    name: slug,
    transport: 'streamable-http' as const,
    era: null,
    documentationUrl: null,
    connectTimeoutMs: null,
    requestTimeoutMs: null,
  };
}

describe('a transaction of the store', () => {
  test('sees its own organization only, also while another runs beside it', async () => {
    const [seenByUs, seenByThem] = await Promise.all(
      [ours, theirs].map((organization) =>
        store.withOrganization(organization, async (em) => {
          em.create(McpServer, server(organization, 'same-slug'));
          await em.flush();
          return (await em.find(McpServer, {})).map((row) => row.organizationId);
        }),
      ),
    );
    expect(seenByUs).toEqual([ours]);
    expect(seenByThem).toEqual([theirs]);
  });

  test('keeps its scope when another is opened inside it', async () => {
    const seen = await store.withOrganization(ours, async (outer) => {
      const inner = await store.withOrganization(theirs, (em) => em.find(McpServer, {}));
      const system = await store.withSystem((em) => em.find(McpServer, {}));
      const own = await outer.find(McpServer, {});
      return [inner, system, own].map((rows) => new Set(rows.map((row) => row.organizationId)));
    });
    expect(seen).toEqual([new Set([theirs]), new Set([ours, theirs]), new Set([ours])]);
  });

  test('leaves no scope behind on its connection', async () => {
    const narrow = await database.openStore({ appPoolSizeMax: 1 });
    await narrow.withOrganization(ours, (em) => em.find(McpServer, {}));
    const seen = await narrow.withUser(uuidV7(), async (em) => ({
      servers: await em.find(McpServer, {}),
      scope: await em.execute(`select current_setting('mcpgw.organization_id') as id`),
    }));
    expect(seen).toEqual({ servers: [], scope: [{ id: '' }] });
  });

  test('takes nothing but a UUID for a scope', async () => {
    await expect(store.withOrganization(`' or true --`, async () => 1)).rejects.toThrow(TypeError);
    await expect(store.withUser('', async () => 1)).rejects.toThrow(TypeError);
  });

  test('rolls back everything when it throws', async () => {
    const failing = store.withOrganization(ours, async (em) => {
      em.create(McpServer, server(ours, 'never'));
      await em.flush();
      throw new Error('refused');
    });
    await expect(failing).rejects.toThrow('refused');
    const found = await store.withOrganization(ours, (em) =>
      em.findOne(McpServer, { slug: 'never' }),
    );
    expect(found).toBeNull();
  });

  test('writes a parent before its child, in whatever order they were made', async () => {
    const parent = server(ours, 'parent');
    await store.withOrganization(ours, async (em) => {
      em.create(McpEndpoint, {
        organizationId: ours,
        id: uuidV7(),
        serverId: parent.id,
        url: 'http://127.0.0.1:9/mcp',
      });
      em.create(McpServer, parent);
    });
    const endpoints = await store.withOrganization(ours, (em) =>
      em.find(McpEndpoint, { serverId: parent.id }),
    );
    expect(endpoints).toHaveLength(1);
  });

  test('refuses to write over what another has changed since it was read', async () => {
    const { id } = await store.withOrganization(ours, async (em) =>
      em.create(McpServer, server(ours, 'contended')),
    );
    const stale = store.withOrganization(ours, async (em) => {
      const row = await em.findOneOrFail(McpServer, { organizationId: ours, id });
      await store.withOrganization(ours, async (other) => {
        (await other.findOneOrFail(McpServer, { organizationId: ours, id })).name = 'first';
      });
      row.name = 'second';
    });
    await expect(stale).rejects.toThrow(OptimisticLockError);
  });

  test('names the constraint that a duplicate breaks', async () => {
    const twice = store.withOrganization(ours, async (em) => {
      em.create(McpServer, server(ours, 'twice'));
      em.create(McpServer, server(ours, 'twice'));
    });
    await expect(twice).rejects.toThrow(UniqueConstraintViolationException);
    await expect(twice).rejects.toMatchObject({
      constraint: 'mcp_servers_organization_id_slug_key',
    });
  });

  test('of the system role sees one state of the database when it asks for that', async () => {
    const slugs = await store.withSystem(
      async (em) => {
        const before = await em.count(McpServer);
        await store.withOrganization(ours, async (other) => {
          other.create(McpServer, server(ours, 'meanwhile'));
        });
        return [before, await em.count(McpServer)];
      },
      { isolation: 'repeatable read' },
    );
    expect(slugs[0]).toBe(slugs[1]);
  });

  test('is bounded in time: statements, locks, and doing nothing', async () => {
    const impatient = await database.openStore({
      statementTimeoutMs: 50,
      lockTimeoutMs: 40,
      idleInTransactionTimeoutMs: 1000,
    });
    await expect(impatient.withSystem((em) => em.execute('select pg_sleep(5)'))).rejects.toThrow(
      /statement timeout/,
    );
    await store.withSystem(async (em) => {
      await em.execute('select * from platform_state for update');
      await expect(
        impatient.withSystem((other) => other.execute('select * from platform_state for update')),
      ).rejects.toThrow(/lock timeout/);
    });
    const settings = await impatient.withSystem((em) =>
      em.execute('show idle_in_transaction_session_timeout'),
    );
    expect(settings).toEqual([{ idle_in_transaction_session_timeout: '1s' }]);
  });

  test('waits for a connection no longer than it may', async () => {
    const narrow = await database.openStore({ appPoolSizeMax: 1, connectTimeoutMs: 100 });
    await narrow.withOrganization(ours, async () => {
      await expect(narrow.withOrganization(ours, async () => 1)).rejects.toThrow(/timeout/);
    });
  });
});

// PostgreSQL quotes the row in an error's detail, but not where row-level security binds the role.
test('a database error shows no value of the row, nor in a log', async () => {
  const secret = Buffer.from('sealed-secret-bytes');
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  const writes = [
    store.withOrganization(ours, async (em) => {
      em.create(UpstreamSecret, {
        organizationId: ours,
        id: uuidV7(),
        serverId: uuidV7(),
        header: 'not a header',
        ciphertext: secret,
        wrappedKey: secret,
        masterKeyId: 'k',
      });
    }),
    store.withPlatform(async (em) => {
      for (const id of [uuidV7(), uuidV7()]) {
        em.create(User, {
          id,
          email: 'private@example.com',
          displayName: 'x',
          passwordHash: '$argon2id$private',
          platformRole: null,
          disabledAt: null,
        });
      }
    }),
  ];
  for (const result of await Promise.allSettled(writes)) {
    if (result.status === 'fulfilled') throw new Error('The row was written.');
    log.error({ err: result.reason });
    lines.push(inspect(result.reason, { depth: 9, showHidden: true }));
  }
  expect(lines).toHaveLength(4);
  const text = lines.join('\n');
  expect(text).toContain('upstream_secrets_header_check');
  expect(text).toContain('users_email_key');
  for (const value of ['sealed-secret', secret.toString('hex'), 'private@', 'argon2id']) {
    expect(text).not.toContain(value);
  }
});

describe('the store does not open', () => {
  async function refusal(role: 'app' | 'system', user: string): Promise<readonly string[]> {
    const roles = { ...database.roles, [role]: { ...database.roles[role], user } };
    const error = await database.openStore({ roles }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(StoreRefusal);
    return error instanceof StoreRefusal ? error.faults : [];
  }

  test('when a role is a superuser', async () => {
    const name = database.owner.user;
    expect(await refusal('app', name)).toEqual([`"${name}" is a superuser`]);
    expect(await refusal('system', name)).toEqual([`"${name}" is a superuser`]);
  });

  test('when the app role has BYPASSRLS, owns a table, may become a stronger role, or has the system’s rights', async () => {
    const owner = await database.connect('owner');
    const role = `${database.owner.database}_bad`;
    const faults: Record<string, readonly string[]> = {};
    await owner.query(`create role ${role} login`);
    try {
      faults['no member'] = await refusal('app', role);
      await owner.query(`grant mcpgw_app_group to ${role}`);
      await owner.query(`alter role ${role} bypassrls`);
      faults['bypass'] = await refusal('app', role);
      await owner.query(`alter role ${role} nobypassrls`);
      await owner.query(`create table owned (id int)`);
      await owner.query(`alter table owned owner to ${role}`);
      await owner.query('alter table owned enable row level security');
      await owner.query('alter table owned force row level security');
      faults['owner'] = await refusal('app', role);
      await owner.query('drop table owned');
      await owner.query(`grant mcpgw_system_group to ${role}`);
      faults['system'] = await refusal('app', role);
      await owner.query(`revoke mcpgw_system_group from ${role}`);
      await owner.query(`grant ${database.owner.user} to ${role}`);
      faults['stronger'] = await refusal('app', role);
    } finally {
      await owner.query('drop table if exists owned');
      await owner.query(`drop role ${role}`);
    }
    expect(faults).toMatchObject({
      'no member': [`"${role}" is no member of mcpgw_app_group`],
      bypass: [`"${role}" has BYPASSRLS`],
      owner: [`"${role}" owns owned`],
      system: [expect.stringContaining('mcpgw_system_group')],
      stronger: expect.arrayContaining([`"${role}" may become ${database.owner.user}`]),
    });
  });

  test('when a table is left open, or a migration has not run', async () => {
    const owner = await database.connect('owner');
    await owner.query('alter table mcp_servers no force row level security');
    expect(await refusal('app', database.roles.app.user)).toEqual([
      'row-level security is not forced on mcp_servers',
    ]);
    await owner.query('alter table mcp_servers force row level security');
    const { rows } = await owner.query(
      `delete from schema_migrations where name like '0003%' returning *`,
    );
    expect(rows).toHaveLength(1);
    expect(await refusal('app', database.roles.app.user)).toEqual([
      'migrations have not run: 0003-registry',
    ]);
    await owner.query(`insert into schema_migrations (name) values ('0003-registry')`);
  });
});

describe('a reading statement', () => {
  const statement = { name: 'test_sum', text: 'select $1::int + $2::int as sum' };

  test('gives rows to its parameters, again and again and at the same time', async () => {
    const sums = [1, 2, 3].map((one) => store.readSystem<{ sum: number }>(statement, [one, 10]));
    expect(await Promise.all(sums)).toEqual([[{ sum: 11 }], [{ sum: 12 }], [{ sum: 13 }]]);
  });

  test('rejects with the database’s own error, and the next one works', async () => {
    await expect(store.readSystem(statement, ['one', 10])).rejects.toThrow(/integer/);
    expect(await store.readSystem(statement, [2, 3])).toEqual([{ sum: 5 }]);
  });
});

describe('the epoch', () => {
  test('stays while the database does, and is another for a copy', async () => {
    const epoch = await store.withSystem((em) => readEpoch(em));
    expect(epoch).toMatch(/^[0-9a-f]{32}$/);
    expect(await store.withPlatform((em) => readEpoch(em))).toBe(epoch);
    const copy = await createTestDatabase();
    try {
      const other = await copy.openStore();
      expect(await other.withSystem((em) => readEpoch(em))).not.toBe(epoch);
    } finally {
      await copy.drop();
    }
  });
});
