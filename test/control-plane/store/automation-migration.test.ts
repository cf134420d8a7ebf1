import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Migration } from '@mikro-orm/migrations';
import { Client } from 'pg';
import { clientConfig } from '../../../control-plane/store/database-connection.ts';
import { migrationNames } from '../../../control-plane/store/migrate.ts';
import { uuidV7 } from '../../../control-plane/store/uuid-v7.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const database = `mcpgw_test_${randomBytes(6).toString('hex')}`;
const ownerName = `${database}_owner`;
const subject = '0009-automation';

let base: TestDatabase;
let admin: Client;
/** A superuser in the database that is migrated. */
let inside: Client;
/** Its owner: no superuser and in no group, so that row-level security binds it. */
let owner: Client;

async function apply(names: readonly string[]): Promise<void> {
  for (const name of names) {
    const module = (await import(`../../../migrations/${name}.ts`)) as Record<string, unknown>;
    const found = Object.values(module).find(
      (value) => typeof value === 'function' && value.prototype instanceof Migration,
    ) as new (
      ...parameters: unknown[]
    ) => Migration;
    const migration = new found();
    await migration.up();
    for (const query of migration.getQueries()) await owner.query(String(query));
  }
}

beforeAll(async () => {
  base = await createTestDatabase();
  admin = await base.connect('owner');
  await admin.query(`create role ${ownerName} login password 'owner'`);
  await admin.query(`create database ${database} owner ${ownerName}`);
  const connection = { ...base.owner, database };
  inside = new Client(clientConfig(connection, 'mcpgw-test'));
  owner = new Client({
    ...clientConfig(connection, 'mcpgw-test'),
    user: ownerName,
    password: 'owner',
  });
  await inside.connect();
  await owner.connect();
  await inside.query(`grant all on schema public to ${ownerName}`);
});

afterAll(async () => {
  await Promise.all([inside.end(), owner.end()]);
  await admin.query(`drop database ${database} with (force)`);
  await admin.query(`drop role ${ownerName}`);
  await base.drop();
});

test('services of earlier keys become accounts with the largest of their roles, and keys go on', async () => {
  const names = migrationNames();
  await apply(names.slice(0, names.indexOf(subject)));
  const organization = uuidV7();
  const user = uuidV7();
  const [shared, plain] = [uuidV7(), uuidV7()];
  await inside.query(`insert into organizations (id, slug, name) values ($1, 'acme', 'Acme')`, [
    organization,
  ]);
  await inside.query(
    `insert into users (id, email, display_name) values ($1, 'a@example.com', 'A')`,
    [user],
  );
  await inside.query(
    `insert into memberships (organization_id, user_id, role) values ($1, $2, 'developer')`,
    [organization, user],
  );
  const keys: readonly [label: string, service: string | null, roles: string, scopes: string][] = [
    ['first', shared, '{agent}', '{}'],
    ['second', shared, '{auditor,admin}', '{mcp:files}'],
    ['plain', plain, '{}', '{}'],
    ['member', null, '{}', '{}'],
  ];
  for (const [index, [label, service, roles, scopes]] of keys.entries()) {
    await inside.query(
      `insert into api_keys (organization_id, id, key_id, secret_hash, label, subject_user_id,
         subject_service_id, roles, scopes)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        ...[organization, uuidV7(), `${index}`.padEnd(12, 'x'), Buffer.alloc(32), label],
        ...[service === null ? user : null, service, roles, scopes],
      ],
    );
  }

  await apply(names.slice(names.indexOf(subject)));

  const accounts = await inside.query('select id, name, role from service_accounts order by role');
  expect(accounts.rows).toEqual([
    { id: shared, name: `service-${shared}`, role: 'admin' },
    { id: plain, name: `service-${plain}`, role: 'agent' },
  ]);
  const migrated = await inside.query(
    'select label, subject_user_id as u, service_account_id as s, scopes from api_keys order by key_id',
  );
  expect(migrated.rows).toEqual([
    { label: 'first', u: null, s: shared, scopes: ['mcp:*'] },
    { label: 'second', u: null, s: shared, scopes: ['mcp:files'] },
    { label: 'plain', u: null, s: plain, scopes: ['mcp:*'] },
    { label: 'member', u: user, s: null, scopes: ['mcp:*'] },
  ]);
  // Row-level security binds the owner again.
  expect((await owner.query('select id from api_keys')).rows).toEqual([]);
});
