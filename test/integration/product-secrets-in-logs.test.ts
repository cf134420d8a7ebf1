import { createPrivateKey } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { deriveRoleConnections } from '../../control-plane/store/database-connection.ts';
import {
  sealKeyContext,
  signingKeyContext,
  unwrapKey,
  upstreamSecretContext,
  type WrappedKey,
} from '../../control-plane/store/envelope.ts';
import { MasterKey } from '../../control-plane/store/master-key.ts';
import { MasterKeyRing } from '../../control-plane/store/master-key-ring.ts';
import { eventually } from '../support/control-stream.ts';
import { AgentSession } from '../support/product-agent.ts';
import { ProductCluster } from '../support/product-cluster.ts';
import { ProductProcess } from '../support/product-process.ts';

const [oldBytes, newBytes] = [7, 8].map((byte) => Buffer.alloc(32, byte)) as [Buffer, Buffer];
const credentialValue = 'Bearer credential-of-the-upstream';
const wrongPassword = 'a-password-that-is-not-the-one';

let folder: string;
let cluster: ProductCluster;
const printed: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'mcpgw-secrets-'));
  await writeFile(file('old.key'), oldBytes.toString('base64'), { mode: 0o600 });
  await writeFile(file('new.key'), newBytes.toString('base64'), { mode: 0o600 });
  cluster = await ProductCluster.start({
    replicaEnvironment: {
      MCPGW_LOG_LEVEL: 'trace',
      MCPGW_PREVIOUS_MASTER_KEY_FILES: file('new.key'),
      MCPGW_JOB_INTERVAL_MS: '200',
      MCPGW_KEY_ACTIVATION_DELAY_MS: '0',
    },
    nodeEnvironment: { MCPGW_LOG_LEVEL: 'trace' },
  });
}, 90_000);

afterAll(async () => {
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

function file(name: string): string {
  return path.join(folder, name);
}

/** Runs a command on the cluster's database to its end and keeps what it printed. */
async function run(command: string, environment: Readonly<Record<string, string>>): Promise<void> {
  const { output, exitCode } = await ProductProcess.run({
    program: 'control-plane',
    args: [command],
    environment: {
      MCPGW_LOG_LEVEL: 'trace',
      MCPGW_DATABASE_URL: cluster.database?.ownerUrl ?? '',
      MCPGW_DATA_DIR: folder,
      MCPGW_GRAPHQL_PORT: '0',
      MCPGW_GRPC_PORT: '0',
      ...environment,
    },
  });
  expect(output).not.toBe('');
  printed.push(`${exitCode} ${output}`);
}

/** Every spelling that bytes may come in. */
function spellings(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes);
  return [
    buffer.toString('hex'),
    buffer.toString('base64').replace(/=+$/, ''),
    buffer.toString('base64url'),
    JSON.stringify([...buffer]).slice(1, -1),
  ];
}

type KeyRow = WrappedKey & Readonly<Record<string, unknown>>;

/** The keys that stand wrapped in the database, and the data keys of credentials. */
async function storedKeys(): Promise<Uint8Array[]> {
  const ring = new MasterKeyRing(new MasterKey(oldBytes), [new MasterKey(newBytes)]);
  const owner = await cluster.database?.connect('owner');
  if (owner === undefined) throw new Error('The cluster has no database of the test’s own.');
  const wrapped = 'master_key_id as "masterKeyId", wrapped_key as "wrappedKey"';
  const read = async (sql: string) => (await owner.query<KeyRow>(sql)).rows;
  const seal = await read(`select node_group_id, id, ${wrapped} from seal_keys`);
  const signing = await read(
    `select kid, ${wrapped.replace('wrapped_key', 'wrapped_private_key')} from signing_keys`,
  );
  const upstream = await read(
    `select organization_id, server_id, header, ${wrapped} from upstream_secrets`,
  );
  const text = (row: KeyRow, column: string) => String(row[column]);
  const open = (row: KeyRow, context: readonly string[]) => unwrapKey(ring, context, row).reveal();
  const privateKeys = signing.map((row) => {
    const pem = Buffer.from(open(row, signingKeyContext({ kid: text(row, 'kid') })));
    return Buffer.from(createPrivateKey(pem).export({ format: 'jwk' }).d ?? '', 'base64url');
  });
  return [
    ...privateKeys,
    ...seal.map((row) =>
      open(row, sealKeyContext({ nodeGroupId: text(row, 'node_group_id'), id: text(row, 'id') })),
    ),
    ...upstream.map((row) =>
      open(
        row,
        upstreamSecretContext({
          organizationId: text(row, 'organization_id'),
          serverId: text(row, 'server_id'),
          header: text(row, 'header'),
        }),
      ),
    ),
  ];
}

test('no process ever prints a secret: not at start, not while keys rotate, not when something fails', async () => {
  const { admin, database } = cluster;
  if (database === undefined) throw new Error('The cluster has no database of the test’s own.');
  const served = await cluster.serve('acme');
  const credential = { header: 'authorization', value: credentialValue };
  await admin.createServer(served.organization.id, 'sealed', cluster.upstreamUrl, credential);
  const session = await AgentSession.begin(served.route());
  await session.call('test_simple_text');
  await session.close();
  const token = await admin.createNodeToken('another-node');

  // Keys rotate, and the worker takes each step.
  const { nodeGroups } = await admin.send<{ nodeGroups: { nodes: { id: string }[] } }>(
    '{ nodeGroups { nodes { id } } }',
  );
  await admin.send(
    `mutation ($input: RotateSealKeysInput!) {
       rotateSealKeys(input: $input) { userErrors { message } }
       rotateSigningKey { userErrors { message } }
     }`,
    { input: { nodeGroupId: nodeGroups.nodes[0]?.id } },
  );
  const owner = await database.connect('owner');
  await eventually(
    async () => {
      const { rows } = await owner.query<{ retired: number }>(
        `select (select count(*) from seal_keys where retired_at is not null)
           + (select count(*) from signing_keys where retired_at is not null) as retired`,
      );
      return Number(rows[0]?.retired);
    },
    (retired) => retired === 2,
  );

  // What fails: log-ins, inputs, foreign tokens.
  const attempt = (query: string, variables: object) =>
    admin.send(query, variables).catch(() => undefined);
  await attempt(
    'mutation ($password: String!) { login(email: "admin@example.com", password: $password) { accessToken } }',
    {
      password: wrongPassword,
    },
  );
  await attempt(
    'mutation ($input: CreateServerInput!) { createServer(input: $input) { server { id } } }',
    {
      input: { organizationId: 'none', credential: { header: 'b\r\nad', value: credentialValue } },
    },
  );
  await fetch(cluster.node().url('acme', 'reference'), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
  });

  // The master key is rotated, and commands fail in every way in which a key can be wrong.
  const [oldKey, newKey] = [file('old.key'), file('new.key')];
  const both = { MCPGW_MASTER_KEY_FILE: newKey, MCPGW_PREVIOUS_MASTER_KEY_FILES: oldKey };
  await run('migrate', both);
  await run('rotate-master-key', both);
  await writeFile(file('third.key'), Buffer.alloc(32, 9), { mode: 0o600 });
  await run('all', { MCPGW_MASTER_KEY_FILE: file('third.key') });
  await run('api', { MCPGW_MASTER_KEY_FILE: file('unknown.key') });
  await writeFile(file('long.key'), `${oldBytes.toString('base64')}x`, { mode: 0o600 });
  await run('api', { MCPGW_MASTER_KEY_FILE: file('long.key') });
  await chmod(file('third.key'), 0o644);
  await run('migrate', { ...both, MCPGW_PREVIOUS_MASTER_KEY_FILES: file('third.key') });
  const withPassword = new URL(database.ownerUrl);
  withPassword.username = 'nobody-here';
  withPassword.password = wrongPassword;
  await run('rotate-master-key', { ...both, MCPGW_DATABASE_URL: withPassword.href });
  await owner.query(`update upstream_secrets set ciphertext = '\\x0102'`);
  const keys = await storedKeys();
  await run('rotate-master-key', both);
  await cluster.replica().stop();
  printed.push(cluster.replica().output);
  await cluster.replica().start();
  await cluster.node().stop();
  printed.push(cluster.node().output, cluster.replica().output);

  const passwords = [oldBytes, newBytes].flatMap((bytes) => {
    const { app, system } = deriveRoleConnections(database.owner, new MasterKey(bytes));
    return [app, system].map(({ password }) => password?.reveal() ?? '');
  });
  const nodeToken = await readFile(path.join(cluster.folder, 'node-0.token'), 'utf8');
  const secrets = [
    ...[oldBytes, newBytes, ...keys].flatMap(spellings),
    ...passwords,
    ...[cluster.password, wrongPassword, admin.accessToken],
    ...[served.key.text, token, nodeToken.trim(), credentialValue.replace('Bearer ', '')],
  ];
  expect(secrets.filter((secret) => secret.length < 12)).toEqual([]);
  expect(keys.length).toBeGreaterThanOrEqual(5);
  const output = printed.join('\n');
  // What was printed is what was meant: starts, rotations and failures.
  for (const line of ['the control plane serves', 'rewrapped', 'sealed with master key']) {
    expect(output).toContain(line);
  }
  expect(output).toContain('can’t be compiled and reaches no node');
  expect(secrets.filter((secret) => output.includes(secret))).toEqual([]);
}, 120_000);
