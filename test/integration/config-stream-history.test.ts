import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, escapeIdentifier } from 'pg';
import { clientConfig } from '../../control-plane/store/database-connection.ts';
import {
  type ControlStreamSetup,
  eventually,
  setUpControlStream,
} from '../support/control-stream.ts';
import {
  emptyMemory,
  ScriptedNode,
  type ScriptedNodeOptions,
} from '../support/control-stream-client.ts';

let setup: ControlStreamSetup;
const nodes: ScriptedNode[] = [];

function connect(options: ScriptedNodeOptions): ScriptedNode {
  const node = new ScriptedNode(options);
  nodes.push(node);
  return node;
}

/** Runs statements beside the test's database, on the server's own. */
async function onServer(statements: readonly string[]): Promise<void> {
  const { owner } = setup.database;
  const client = new Client(clientConfig({ ...owner, database: 'postgres' }, 'mcpgw-test'));
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

beforeAll(async () => {
  setup = await setUpControlStream();
});

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()));
});

afterAll(async () => {
  await setup.close();
});

describe('a replica that lags', () => {
  test('catches up before it answers: no revision is rolled back and no revoked key comes back', async () => {
    const organizationId = await setup.rows.addOrganization('lagging');
    const groupId = await setup.rows.addGroup('lagging', [organizationId]);
    const { text: token } = await setup.rows.addToken(groupId, 'lagging-node');
    const [key] = await setup.rows.addKeys(organizationId, 1);
    const ahead = await setup.replica();
    const behind = await setup.replica();
    // From here on, this replica hears of nothing by itself.
    await behind.feed.close();
    const stoodAt = behind.state.model?.revision ?? 0;

    const memory = emptyMemory();
    const first = connect({ address: ahead.address, token, memory });
    await first.until('the key', () => first.names('ApiKey').length === 1);
    const revoked = await setup.rows.revokeKey(organizationId, key?.id ?? '');
    await first.holds(revoked);
    await first.close();
    expect(behind.state.model?.revision).toBe(stoodAt);

    const second = connect({ address: behind.address, token, memory });
    await second.until('a range', () => second.ranges.length === 1);
    expect(second.ranges[0]).toMatchObject({
      from: revoked,
      to: revoked,
      resources: [],
      removed: [],
    });
    expect(second.welcomes[0]?.epochChanged).toBe(false);
    expect(memory.revision).toBe(revoked);
    expect(second.names('ApiKey')).toEqual([]);

    // Nor is it silent about its age: what it last read stays the time of that read.
    const readAt = behind.state.readAtMs;
    await second.until('heartbeats', () => second.heartbeats.length >= 2);
    expect(new Set(second.heartbeats.map(({ feedReadAtMs }) => feedReadAtMs))).toEqual(
      new Set([readAt]),
    );
  });

  test('ends a stream that it can’t catch up for, instead of answering from the past', async () => {
    const organizationId = await setup.rows.addOrganization('cut-off');
    const groupId = await setup.rows.addGroup('cut-off', [organizationId]);
    const { text: token } = await setup.rows.addToken(groupId, 'cut-off-node');
    const replica = await setup.replica();
    const lost = new Error('no connection');
    const failing = await setup.replica({
      server: {
        source: {
          model: replica.state.model,
          readAtMs: 0,
          refresh: () => Promise.reject(lost),
          subscribe: () => () => undefined,
        },
      },
    });
    const memory = emptyMemory();
    memory.epoch = replica.state.model?.epoch ?? '';
    memory.revision = (replica.state.model?.revision ?? 0) + 5;
    const node = connect({ address: failing.address, token, memory });
    expect(await node.ended).toMatchObject({ code: 14 });
    expect(node.welcomes).toEqual([]);
  });
});

describe('a database whose history changed', () => {
  test('a node ahead of the database reconciles in full, and its row says so', async () => {
    const organizationId = await setup.rows.addOrganization('rewound');
    const groupId = await setup.rows.addGroup('rewound', [organizationId]);
    const { text: token } = await setup.rows.addToken(groupId, 'rewound-node');
    await setup.rows.addKeys(organizationId, 3);
    const replica = await setup.replica();
    const memory = emptyMemory();
    const before = connect({ address: replica.address, token, memory });
    await before.until('the keys', () => before.names('ApiKey').length === 3);
    await before.close();

    // Somebody put an older copy of the files back: the node remembers what the database forgot.
    memory.revision += 100;
    const ghost = before.get('Organization', organizationId);
    if (ghost) memory.held.set('Organization/ghost', { ...ghost, name: 'ghost' });
    const node = connect({ address: replica.address, token, memory });
    await node.until('a range', () => node.ranges.length === 1);
    expect(node.welcomes[0]?.epochChanged).toBe(true);
    expect(node.welcomes[0]?.epoch).not.toBe(replica.state.model?.epoch);
    expect(node.ranges[0]).toMatchObject({ removed: ['Organization/ghost'], resources: [] });
    expect(node.versionListRequests).toEqual([['Organization']]);
    expect(node.mismatches).toEqual([]);
    const condition = await eventually(
      () =>
        setup.rows.rows<{ conditions: { type: string }[] }>(
          'select conditions from nodes where node_group_id = ?',
          [groupId],
        ),
      (rows) => (rows[0]?.conditions.length ?? 0) > 0,
    );
    expect(condition[0]?.conditions.map(({ type }) => type)).toEqual(['epoch_changed']);

    // Its next stream knows the history again.
    await node.close();
    const later = connect({ address: replica.address, token, memory });
    await later.until('a range', () => later.ranges.length === 1);
    expect(later.welcomes[0]?.epoch).toBe(replica.state.model?.epoch);
    expect(later.mismatches).toEqual([]);
  });

  test('a database restored while nodes are connected: they let go of what it doesn’t know', async () => {
    const organizationId = await setup.rows.addOrganization('restored');
    const groupId = await setup.rows.addGroup('restored', [organizationId]);
    const { text: token } = await setup.rows.addToken(groupId, 'restored-node');
    const [kept] = await setup.rows.addKeys(organizationId, 1);
    const name = setup.database.owner.database;
    const dump = `${name}_dump`;
    // A template copy stands in for a dump: another database with the same rows.
    const cut = (database: string) =>
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database}' and pid <> pg_backend_pid()`;
    await onServer([
      cut(name),
      `create database ${escapeIdentifier(dump)} template ${escapeIdentifier(name)}`,
    ]);
    const replica = await eventually(
      () => setup.replica().catch(() => undefined),
      (value) => value !== undefined,
    );
    if (!replica) throw new Error('no replica');
    const epoch = replica.state.model?.epoch;
    const memory = emptyMemory();
    const before = connect({ address: replica.address, token, memory });
    await before.until('the key', () => before.names('ApiKey').length === 1);
    await setup.rows.addKeys(organizationId, 2);
    await before.until('the keys', () => before.names('ApiKey').length === 3);

    await onServer([
      `alter database ${escapeIdentifier(name)} allow_connections false`,
      cut(name),
      `drop database ${escapeIdentifier(name)} with (force)`,
      `alter database ${escapeIdentifier(dump)} rename to ${escapeIdentifier(name)}`,
    ]);
    // The replica notices by itself and lets the node go, which comes back.
    expect(await before.ended).toMatchObject({ code: 10 });
    expect(replica.state.model?.epoch).not.toBe(epoch);
    expect(replica.state.model?.revision).toBeLessThan(memory.revision);
    const node = await eventually(
      async () => {
        const attempt = connect({ address: replica.address, token, memory });
        await attempt.until('a range', () => attempt.ranges.length === 1).catch(() => undefined);
        return attempt;
      },
      (attempt) => attempt.ranges.length === 1,
    );
    expect(node.welcomes[0]?.epochChanged).toBe(true);
    expect(node.names('ApiKey')).toEqual([kept?.keyId]);
    expect(node.mismatches).toEqual([]);
    expect(memory.revision).toBe(replica.state.model?.revision);
  });
});
