import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { pino } from 'pino';
import {
  clientConfig,
  type DatabaseConnection,
  deriveRoleConnections,
} from '../../../control-plane/store/database-connection.ts';
import { retireEarlierRoles } from '../../../control-plane/store/database-roles.ts';
import { MasterKey } from '../../../control-plane/store/master-key.ts';
import { migrate, migrationNames } from '../../../control-plane/store/migrate.ts';
import { openStore } from '../../../control-plane/store/store.ts';
import { eventually } from '../../support/control-stream.ts';
import { connectionUrl, createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const logger = pino({ level: 'silent' });
const masterKey = new MasterKey(Buffer.alloc(32, 3));

let base: TestDatabase;
let admin: Client;
const created: string[] = [];

beforeAll(async () => {
  base = await createTestDatabase();
  admin = await base.connect('owner');
});

afterAll(async () => {
  for (const database of created) {
    await admin.query(`drop database if exists ${database} with (force)`);
    const { rows } = await admin.query<{ rolname: string }>(
      'select rolname from pg_roles where starts_with(rolname, $1)',
      [database],
    );
    for (const { rolname } of rows) await admin.query(`drop role ${rolname}`);
  }
  await base.drop();
});

async function emptyDatabase(): Promise<DatabaseConnection> {
  const database = `mcpgw_test_${randomBytes(6).toString('hex')}`;
  await admin.query(`create database ${database}`);
  created.push(database);
  return { ...base.owner, database };
}

function migrateInProcess(owner: DatabaseConnection) {
  const script = fileURLToPath(new URL('../../support/store-migrate.ts', import.meta.url));
  const child = spawn(process.execPath, [script, connectionUrl(owner)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return Promise.all([text(child.stdout), once(child, 'exit')]).then(([output, [code]]) => ({
    code: code as number,
    applied: output === '' ? undefined : (JSON.parse(output) as string[]),
  }));
}

describe('migrate', () => {
  test('runs once when three processes begin at once', async () => {
    const owner = await emptyDatabase();
    const results = await Promise.all([1, 2, 3].map(() => migrateInProcess(owner)));
    expect(results.map((result) => result.code)).toEqual([0, 0, 0]);
    const applied = results.map((result) => result.applied ?? []);
    expect(applied.filter((names) => names.length > 0)).toEqual([migrationNames()]);
    const store = await openStore({ roles: deriveRoleConnections(owner, masterKey), logger });
    await store.close();
  });

  test('runs for several databases of a server at once, whose roles are apart', async () => {
    const owners = [await emptyDatabase(), await emptyDatabase(), await emptyDatabase()];
    await Promise.all(
      owners.map((owner) =>
        migrate({ owner, roles: deriveRoleConnections(owner, masterKey), logger }),
      ),
    );
    const [one, two] = owners.map((owner) => deriveRoleConnections(owner, masterKey));
    if (one === undefined || two === undefined) throw new Error('There are too few databases.');
    // Both hold the cluster's group role, and still only one may enter.
    const stranger = new Client({
      ...clientConfig(one.app, 'mcpgw-test'),
      database: two.app.database,
    });
    await expect(stranger.connect()).rejects.toMatchObject({ code: '42501' });
    await stranger.end().catch(() => undefined);
  });

  test('gives a database that is called like the gateway roles of its own, too', async () => {
    const { rows } = await admin.query<{ rolname: string }>(
      `select rolname from pg_roles where rolname like 'mcpgw%group'`,
    );
    for (const { rolname } of rows) {
      for (const database of ['mcpgw', 'mcpgw_app_group', 'mcpgw_system_group']) {
        const { app, system } = deriveRoleConnections({ ...base.owner, database }, masterKey);
        expect([app.user, system.user]).not.toContain(rolname);
      }
    }
    expect(rows).toHaveLength(2);
  });

  test('applies nothing the second time', async () => {
    const owner = await emptyDatabase();
    const roles = deriveRoleConnections(owner, masterKey);
    expect((await migrate({ owner, roles, logger })).applied).toEqual(migrationNames());
    expect((await migrate({ owner, roles, logger })).applied).toEqual([]);
  });

  test('works for an owner that is no superuser, whom row-level security then binds as well', async () => {
    const { database } = await emptyDatabase();
    const name = `${database}_owner`;
    await admin.query(`create role ${name} login createrole password 'owner'`);
    await admin.query(`alter database ${database} owner to ${name}`);
    const owner = { ...base.owner, database, user: name };
    const roles = deriveRoleConnections(owner, masterKey);
    // Group roles are the cluster's and exist here; on PostgreSQL 16 and later whoever made them grants them.
    for (const group of ['mcpgw_app_group', 'mcpgw_system_group']) {
      await admin.query(`grant ${group} to ${name} with admin option`);
    }
    await migrate({ owner, roles, logger });
    await admin
      .query(`revoke mcpgw_app_group, mcpgw_system_group from ${name} cascade`)
      .catch(() => undefined);

    const client = new Client(clientConfig(owner, 'mcpgw-test'));
    await client.connect();
    const system = new Client(clientConfig(roles.system, 'mcpgw-test'));
    await admin.query(`grant mcpgw_system_group to ${roles.system.user}`);
    await system.connect();
    try {
      await system.query(
        `insert into organizations (id, slug, name) values (gen_random_uuid(), 'acme', 'Acme')`,
      );
      expect((await client.query('select * from organizations')).rows).toEqual([]);
      await system.query(
        `insert into request_logs (id, organization_id, node_id, call_id, phase, started_at, decision)
         select gen_random_uuid(), id, id, id, 'complete', now(), 'allowed' from organizations`,
      );
      // Rows leave the default partition although the owner's function is bound by row-level security.
      await system.query('select ensure_request_log_partitions(current_date, 1)');
      const { rows } = await system.query(
        'select tableoid::regclass::text as part from request_logs',
      );
      expect(rows).toEqual([{ part: expect.stringMatching(/^request_logs_\d{8}$/) }]);
    } finally {
      await client.end();
      await system.end();
      await admin.query(`reassign owned by ${name} to ${base.owner.user}`);
    }
  });

  test('gives another master key roles of its own, and drops those of earlier keys once unused', async () => {
    const owner = await emptyDatabase();
    const { database } = owner;
    const before = deriveRoleConnections(owner, masterKey);
    const now = deriveRoleConnections(owner, new MasterKey(Buffer.alloc(32, 4)));
    await migrate({ owner, roles: before, logger });
    await migrate({ owner, roles: now, logger });
    await admin.query(`create role ${database}_app_group`);
    await admin.query(`create role ${database}_system in role mcpgw_system_group`);
    const stores = [before, now].map((roles) => openStore({ roles, logger }));
    const [running, swapped] = await Promise.all(stores);
    const client = new Client(clientConfig(owner, 'mcpgw-test'));
    await client.connect();
    try {
      expect(await retireEarlierRoles(client, now)).toEqual({
        dropped: [`${database}_system`],
        inUse: [before.app.user, before.system.user],
      });
      await running?.withPlatform((em) => em.execute('select 1'));
      await running?.close();
      // A session that has ended is seen for a moment longer.
      const dropped: string[] = [];
      await eventually(
        async () => {
          const retired = await retireEarlierRoles(client, now);
          dropped.push(...retired.dropped);
          return retired.inUse;
        },
        (inUse) => inUse.length === 0,
      );
      expect(dropped.sort()).toEqual([before.app.user, before.system.user]);
      await swapped?.withPlatform((em) => em.execute('select 1'));
      const refused = openStore({ roles: before, logger });
      await expect(refused).rejects.toMatchObject({ code: expect.stringMatching(/^28/) });
    } finally {
      await client.end();
      await swapped?.close();
    }
  });

  test('gives the roles passwords that the server knows and no statement shows', async () => {
    const owner = await emptyDatabase();
    const roles = deriveRoleConnections(owner, masterKey);
    await migrate({ owner, roles, logger });
    const { rows } = await admin.query<{ rolname: string; rolpassword: string }>(
      'select rolname, rolpassword from pg_authid where rolname = any($1)',
      [[roles.app.user, roles.system.user]],
    );
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row.rolpassword).toMatch(/^SCRAM-SHA-256\$4096:/);
    expect(roles.app.password?.reveal()).not.toBe(roles.system.password?.reveal());
  });
});
