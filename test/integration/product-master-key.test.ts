import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { deriveRoleConnections } from '../../control-plane/store/database-connection.ts';
import { MasterKey } from '../../control-plane/store/master-key.ts';
import { MasterKeyRing } from '../../control-plane/store/master-key-ring.ts';
import { eventually } from '../support/control-stream.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { AgentSession, Load } from '../support/product-agent.ts';
import { ProductCluster } from '../support/product-cluster.ts';
import {
  type EndedProcess,
  type ProductCommand,
  ProductProcess,
} from '../support/product-process.ts';
import { SealedDatabase } from '../support/sealed-database.ts';

const keyBytes = [7, 8, 9].map((byte) => Buffer.alloc(32, byte));
const [oldKey, newKey, otherKey] = keyBytes.map((bytes) => new MasterKey(bytes)) as [
  MasterKey,
  MasterKey,
  MasterKey,
];

let folder: string;
let settings: Readonly<Record<string, string>>;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'mcpgw-master-key-'));
  settings = {
    MCPGW_MASTER_KEY_FILE: path.join(folder, 'current.key'),
    MCPGW_PREVIOUS_MASTER_KEY_FILES: path.join(folder, 'other.key'),
  };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Gives every process that starts from now on a current master key and one that only opens. */
async function give(current: number, other: number): Promise<void> {
  for (const [name, index] of [
    ['current.key', current],
    ['other.key', other],
  ] as const) {
    const text = keyBytes[index]?.toString('base64') ?? '';
    await writeFile(path.join(folder, name), text, { mode: 0o600 });
  }
}

function controlPlane(command: string, databaseUrl: string): ProductCommand {
  return {
    program: 'control-plane',
    args: [command],
    environment: {
      ...settings,
      MCPGW_DATABASE_URL: databaseUrl,
      MCPGW_DATA_DIR: folder,
      MCPGW_GRAPHQL_PORT: '0',
      MCPGW_GRPC_PORT: '0',
    },
  };
}

function run(command: string, databaseUrl: string): Promise<EndedProcess> {
  return ProductProcess.run(controlPlane(command, databaseUrl));
}

test('the master key is exchanged while agents call and admins work', async () => {
  await give(0, 1);
  const cluster = await ProductCluster.start({
    replicas: 2,
    nodes: 2,
    replicaEnvironment: settings,
  });
  try {
    const { database, admin } = cluster;
    if (database === undefined) throw new Error('The cluster has no database of the test’s own.');
    const acme = await cluster.serve('acme');
    const credentialed = await admin.createServer(
      acme.organization.id,
      'credentialed',
      cluster.upstreamUrl,
      { header: 'authorization', value: 'Bearer of-the-upstream' },
    );
    const sessions = await Promise.all([0, 1].map((node) => AgentSession.begin(acme.route(node))));
    const load = Load.start(sessions);
    await load.further(20);

    await give(1, 0);
    for (const replica of cluster.replicas) {
      await replica.stop();
      await load.further(20);
      await replica.start();
      // While the two replicas have different current keys, each opens what the other seals.
      const mixed = await admin.on(replica.graphqlUrl).createKey(acme.organization.id);
      for (const node of cluster.nodes.keys()) {
        await eventually(
          () => AgentSession.begin(acme.route(node, mixed.text)).catch(() => undefined),
          (session) => session !== undefined,
        );
      }
    }
    const rotated = await run('rotate-master-key', database.ownerUrl);
    expect(rotated).toMatchObject({ exitCode: 0 });
    expect(rotated.output).toContain(`current master key: ${newKey.id}`);
    expect(rotated.output).toContain('credentials of MCP servers: 1 rewrapped');
    expect(rotated.output).toContain('signing keys: 1 rewrapped');
    expect(rotated.output).toContain('seal keys: 1 rewrapped');
    expect(rotated.output.match(/database role .*: dropped/g)).toHaveLength(2);
    const again = await run('rotate-master-key', database.ownerUrl);
    expect(again).toMatchObject({ exitCode: 0 });
    expect(again.output).not.toMatch(/: [1-9]\d* rewrapped|dropped/);

    // Without the old key everything goes on.
    await give(1, 2);
    for (const replica of cluster.replicas) {
      await replica.stop();
      await replica.start();
    }
    await load.further(20);
    await load.stop();
    expect(load.unanswered).toBe(0);
    expect(load.answered.filter(({ status }) => status !== 200)).toEqual([]);
    await admin.on(cluster.replica(1).graphqlUrl).setServerEnabled(credentialed, false);
    for (const node of cluster.nodes) await node.untilConnected();
    const shown = await admin.nodes();
    expect(shown.flatMap(({ conditions }) => conditions)).toEqual([]);
    for (const session of sessions) await session.close();

    await give(2, 0);
    const refused = await run('all', database.ownerUrl);
    expect(refused.exitCode).toBe(1);
    expect(refused.output).toContain(
      `1 signing key, 1 seal key, 1 credential of an MCP server: sealed with master key ${newKey.id}; ` +
        'add its file to MCPGW_PREVIOUS_MASTER_KEY_FILES',
    );
    expect(refused.output).toContain(`${otherKey.id} (current), ${oldKey.id}`);
  } finally {
    await cluster.close();
  }
}, 240_000);

test('a rotation that is killed goes on where it was', async () => {
  const database = await createTestDatabase();
  try {
    await give(1, 0);
    expect(await run('migrate', database.ownerUrl)).toMatchObject({ exitCode: 0 });
    const roles = deriveRoleConnections(database.owner, newKey);
    const sealed = new SealedDatabase(await database.openStore({ roles }));
    const [before, after] = [
      new MasterKeyRing(oldKey, [newKey]),
      new MasterKeyRing(newKey, [oldKey]),
    ];
    await sealed.addPlatformKeys(before);
    for (const servers of [150, 350, 150]) await sealed.addOrganization(before, servers);

    const owner = await database.connect('owner');
    const left = async () => {
      const { rows } = await owner.query<{ count: number }>(
        'select count(*)::integer as count from upstream_secrets where master_key_id = $1',
        [oldKey.id],
      );
      return rows[0]?.count ?? 0;
    };
    // The last row is held, so that the rotation is killed in its last batch of credentials.
    await owner.query('begin');
    await owner.query(
      'select from upstream_secrets order by organization_id desc, id desc limit 1 for update',
    );
    const killed = ProductProcess.begin(controlPlane('rotate-master-key', database.ownerUrl));
    await eventually(left, (count) => count === 150);
    await killed.kill9();
    await owner.query('rollback');
    expect(await left()).toBe(150);
    expect(await sealed.wrong(after)).toEqual([]);

    const { exitCode, output } = await run('rotate-master-key', database.ownerUrl);
    expect(output).toContain('credentials of MCP servers: 150 rewrapped');
    expect(exitCode).toBe(0);
    expect(await sealed.wrong(new MasterKeyRing(newKey))).toEqual([]);
    const { rows: audited } = await owner.query(
      `select sum((details ->> 'rewrapped')::integer)::integer as count from audit_logs
       where action = 'master_key.rotate' and details ->> 'table' = 'upstream_secrets'`,
    );
    expect(audited).toEqual([{ count: 650 }]);
  } finally {
    await database.drop();
  }
}, 240_000);
