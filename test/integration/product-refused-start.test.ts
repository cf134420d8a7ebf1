import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newCredential } from '../../common/credential.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { type EndedProcess, ProductProcess } from '../support/product-process.ts';

type Environment = Readonly<Record<string, string>>;

let folder: string;
let taken: Server;
let takenPort: number;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'mcpgw-refused-'));
  taken = createServer();
  taken.listen(0, '127.0.0.1');
  await once(taken, 'listening');
  takenPort = (taken.address() as AddressInfo).port;
});

afterAll(async () => {
  taken.close();
  await rm(folder, { recursive: true, force: true });
});

function controlPlane(environment: Environment, command = 'all'): Promise<EndedProcess> {
  return ProductProcess.run({
    program: 'control-plane',
    args: [command],
    environment: {
      MCPGW_DATA_DIR: path.join(folder, 'control-plane'),
      MCPGW_GRAPHQL_PORT: '0',
      MCPGW_GRPC_PORT: '0',
      ...environment,
    },
  });
}

async function node(environment: Environment): Promise<EndedProcess> {
  const credentialFile = path.join(folder, 'node.token');
  await writeFile(credentialFile, newCredential('nodeToken').text, { mode: 0o600 });
  return ProductProcess.run({
    program: 'data-plane',
    args: ['proxy'],
    environment: {
      MCPGW_DATA_DIR: path.join(folder, 'node'),
      MCPGW_PROXY_PORT: '0',
      MCPGW_NODE_ADMIN_PORT: '0',
      MCPGW_CONTROL_PLANE_ADDRESSES: '127.0.0.1:1',
      MCPGW_NODE_CREDENTIAL_FILE: credentialFile,
      ...environment,
    },
  });
}

/** One sentence for each violation and no stack trace. */
function expectRefused({ exitCode, output }: EndedProcess, lines: readonly (string | RegExp)[]) {
  expect(exitCode).toBe(2);
  for (const line of lines) expect(output).toMatch(line);
  expect(output.match(/^ {2}- /gm)).toHaveLength(lines.length);
  expect(output).not.toMatch(/^\s+at /m);
}

describe('bad settings', () => {
  test('of the control plane are listed together, and nothing is begun', async () => {
    const dataDir = path.join(folder, 'never-made');
    const ended = await controlPlane({
      MCPGW_DATA_DIR: dataDir,
      MCPGW_GRAPHQL_PORT: '99999',
      MCPGW_GRPC_PORT: 'many',
      MCPGW_LOG_LEVEL: 'loud',
      MCPGW_GRAPHQL_DEPTH_MAX: '0',
      MCPGW_GRAPHQL_DEPHT_MAX: '12',
      MCPGW_GRPC_CLIENT_CA_FILE: 'ca.crt',
    });
    expectRefused(ended, [
      /MCPGW_GRAPHQL_PORT: .*65535/,
      /MCPGW_GRPC_PORT: .*number/,
      /MCPGW_LOG_LEVEL: .*"info"/,
      /MCPGW_GRAPHQL_DEPTH_MAX: .*1/,
      'MCPGW_GRAPHQL_DEPHT_MAX: unknown setting',
      'MCPGW_GRPC_CLIENT_CA_FILE: needs MCPGW_GRPC_CERTIFICATE_FILE as well',
    ]);
    expect(existsSync(dataDir)).toBe(false);
  });

  test('of a node are listed together, and nothing is begun', async () => {
    const dataDir = path.join(folder, 'never-made-either');
    const ended = await node({
      MCPGW_DATA_DIR: dataDir,
      MCPGW_PROXY_PORT: '-1',
      MCPGW_SPOOL_BYTES_MAX: '1',
      MCPGW_CONTROL_PLANE_ADDRESSES: 'http://127.0.0.1:4001',
      MCPGW_PROXY_CERTIFICATE_FILE: 'node.crt',
      MCPGW_PROXY_HEADER_MAX: '1',
    });
    expectRefused(ended, [
      /MCPGW_PROXY_PORT: /,
      /MCPGW_SPOOL_BYTES_MAX: /,
      /MCPGW_CONTROL_PLANE_ADDRESSES: must be host:port/,
      'MCPGW_PROXY_CERTIFICATE_FILE: needs MCPGW_PROXY_KEY_FILE as well',
      'MCPGW_PROXY_HEADER_MAX: unknown setting',
    ]);
    expect(existsSync(dataDir)).toBe(false);
  });

  test('a database without the master key that others share is refused', async () => {
    const ended = await controlPlane({ MCPGW_DATABASE_URL: 'postgres://owner@127.0.0.1:1/none' });
    expectRefused(ended, [/MCPGW_MASTER_KEY_FILE: must be set/]);
  });

  test('only a whole installation brings its own database', async () => {
    expectRefused(await controlPlane({}, 'api'), [/MCPGW_DATABASE_URL: must be set/]);
  });
});

describe('a database that can’t be used', () => {
  async function withDatabase(url: string, command: string): Promise<EndedProcess> {
    const masterKeyFile = path.join(folder, 'master.key');
    await writeFile(masterKeyFile, Buffer.alloc(32, 7), { mode: 0o600 });
    return controlPlane({ MCPGW_DATABASE_URL: url, MCPGW_MASTER_KEY_FILE: masterKeyFile }, command);
  }

  test.each(['api', 'migrate'])('since it can’t be reached ends %s', async (command) => {
    const { exitCode, output } = await withDatabase('postgres://owner@127.0.0.1:1/none', command);
    expect(exitCode).toBe(1);
    expect(output).toMatch(/PostgreSQL can’t be reached \(.*ECONNREFUSED.*MCPGW_DATABASE_URL/);
  });

  test('since it was never migrated says what to run', async () => {
    const database = await createTestDatabase();
    const { exitCode, output } = await withDatabase(database.ownerUrl, 'api');
    await database.drop();
    expect(exitCode).toBe(1);
    expect(output).toContain('Run `control-plane migrate` first');
  });
});

describe('gRPC beyond loopback', () => {
  test('is not served without a certificate', async () => {
    const ended = await controlPlane({ MCPGW_GRPC_HOST: '0.0.0.0' });
    expect(ended.exitCode).toBe(1);
    expect(ended.output).toContain('gRPC on 0.0.0.0 needs TLS');
  });

  test('is not spoken by a node without TLS', async () => {
    const ended = await node({ MCPGW_CONTROL_PLANE_ADDRESSES: '192.0.2.1:4001' });
    expect(ended.exitCode).toBe(1);
    expect(ended.output).toContain('192.0.2.1:4001 is beyond loopback and needs TLS');
  });
});

describe('a port that is taken', () => {
  test.each(['MCPGW_GRAPHQL_PORT', 'MCPGW_GRPC_PORT'])(
    'ends the control plane, naming %s',
    async (setting) => {
      const { exitCode, output } = await controlPlane({ [setting]: `${takenPort}` });
      expect(exitCode).toBe(1);
      expect(output).toContain(
        `Port ${takenPort} on 127.0.0.1 is taken. Set ${setting} to another port, or to 0 for any free one.`,
      );
    },
  );

  test.each(['MCPGW_PROXY_PORT', 'MCPGW_NODE_ADMIN_PORT'])(
    'ends a node, naming %s',
    async (setting) => {
      const { exitCode, output } = await node({ [setting]: `${takenPort}` });
      expect(exitCode).toBe(1);
      expect(output).toContain(
        `Port ${takenPort} on 127.0.0.1 is taken. Set ${setting} to another port, or to 0 for any free one.`,
      );
    },
  );
});

test('a node whose certificate can’t be read ends', async () => {
  const file = path.join(folder, 'no-such.crt');
  const { exitCode, output } = await node({
    MCPGW_PROXY_CERTIFICATE_FILE: file,
    MCPGW_PROXY_KEY_FILE: file,
  });
  expect(exitCode).toBe(1);
  expect(output).toContain(file);
});

test('a node without its token says where the token belongs', async () => {
  const file = path.join(folder, 'no-such.token');
  const { exitCode, output } = await node({ MCPGW_NODE_CREDENTIAL_FILE: file });
  expect(exitCode).toBe(1);
  expect(output).toContain(`The node token can’t be read from ${file} (ENOENT)`);
});
