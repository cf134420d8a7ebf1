import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { QuickstartFile } from '../../quickstart/quickstart-file.ts';
import { repositoryRoot } from '../support/client-process.ts';
import { callTool } from '../support/quickstart-agent.ts';
import { listeningAddresses, until } from '../support/quickstart-processes.ts';
import { QuickstartRun } from '../support/quickstart-run.ts';

const run = promisify(execFile);
const secretOfStarter = 'only-the-starter-knows-this';

let folder: string;
let dataDir: string;
let quickstart: QuickstartRun;
let file: QuickstartFile;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'mcpgw quickstart '));
  dataDir = path.join(folder, 'data');
  quickstart = new QuickstartRun({ dataDir, environment: { STARTER_TOKEN: secretOfStarter } });
  file = await quickstart.ready();
}, 90_000);

afterAll(async () => {
  await quickstart.end();
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

/** Runs a line as a person who pastes it into a shell in the clone. */
async function paste(line: string): Promise<string> {
  const env = { ...process.env, HOME: folder };
  return (await run('/bin/sh', ['-c', line], { cwd: repositoryRoot, env })).stdout;
}

function call(server: string, tool: string, args: Record<string, unknown> = {}): Promise<string> {
  return callTool({ url: file.servers[server] ?? '', apiKey: file.apiKey, tool, args });
}

async function echoAndList(): Promise<string> {
  const list = await call('filesystem', 'list_directory', { path: path.join(dataDir, 'sandbox') });
  return `${await call('everything', 'echo', { message: 'again' })} ${list}`;
}

async function logIn(): Promise<true> {
  const query =
    'mutation ($e: String!, $p: String!) { login(email: $e, password: $p) { accessToken } }';
  const variables = { e: file.adminEmail, p: file.adminPassword };
  const response = await fetch(file.graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  if (!(await response.text()).includes('"accessToken":"')) throw new Error('not logged in');
  return true;
}

describe('a quickstart', () => {
  test('describes itself in quickstart.json, for its owner only', () => {
    expect(Object.keys(file)).toEqual([
      'graphqlUrl',
      'grpcAddress',
      'proxyUrl',
      'nodeAdminUrl',
      'organization',
      'adminEmail',
      'adminPassword',
      'apiKey',
      'servers',
    ]);
    expect(statSync(quickstart.file).mode & 0o777).toBe(0o600);
    expect(file.servers).toEqual({
      everything: `${file.proxyUrl}/demo/everything/mcp`,
      filesystem: `${file.proxyUrl}/demo/filesystem/mcp`,
    });
    expect(file.organization).toBe('demo');
    for (const address of [file.graphqlUrl, file.proxyUrl, file.nodeAdminUrl]) {
      expect(quickstart.output).toContain(address);
    }
  });

  test('prints a line that calls a tool and a line that shows the call', async () => {
    expect(await paste(quickstart.line('npx '))).toContain('Echo: hello');

    const curl = quickstart.line('curl ');
    const log = await until('the call is in the request log', async () => {
      const answer = await paste(curl);
      return answer.includes('"target":"echo"') ? answer : undefined;
    });
    expect(JSON.parse(log)).toMatchObject({
      data: {
        organization: { requestLogs: { nodes: [{ method: 'tools/call', httpStatus: 200 }] } },
      },
    });
  });

  test('listens on loopback only', () => {
    const addresses = listeningAddresses(quickstart.processes());
    const loopback = '0100007F:';

    expect(addresses.length).toBeGreaterThanOrEqual(6);
    expect(addresses.filter((address) => !address.startsWith(loopback))).toEqual([]);
  });

  test('shows agents nothing of the environment that it was started in', async () => {
    const shown = await call('everything', 'get-env');

    expect(shown).toContain('PATH');
    expect(shown).not.toContain(secretOfStarter);
    expect(shown).not.toContain('MCPGW_');
  });

  test('gives agents the files of its sandbox folder', async () => {
    const sandbox = path.join(dataDir, 'sandbox');

    expect(await call('filesystem', 'list_directory', { path: sandbox })).toContain('hello.txt');
  });

  test.each([
    ['the control plane', 'control-plane/main.js', 'quickstart/main.js'],
    ['the node', 'data-plane/main.js', 'quickstart/main.js'],
    ['a demo server', 'server-everything', 'mcp-proxy'],
    ['a bridge', 'mcp-proxy', 'quickstart/main.js'],
    ['a bridged server', 'server-filesystem', 'mcp-proxy'],
  ])('works again after %s was killed', async (_name, part, without) => {
    const saidBefore = quickstart.output.split('starting it again').length;

    process.kill(quickstart.process(part, without).pid, 'SIGKILL');

    await until(
      'it says so',
      () => quickstart.output.split('starting it again').length > saidBefore || undefined,
    );
    const text = await until('calls work', () => echoAndList().catch(() => undefined));
    expect(text).toContain('Echo: again');
    await until('the API answers', () => logIn().catch(() => undefined));
  });

  // Last in the file's order only so that the logs hold as much as they can; it needs no other test.
  test('writes no secret into a log', () => {
    const logs = readdirSync(path.join(dataDir, 'logs'));
    const text = logs
      .map((name) => readFileSync(path.join(dataDir, 'logs', name), 'utf8'))
      .join('');
    const nodeToken = readFileSync(path.join(dataDir, 'node', 'credential'), 'utf8').trim();
    const masterKey = readFileSync(path.join(dataDir, 'master.key'), 'utf8').trim();

    expect(logs.toSorted()).toEqual([
      'control-plane.log',
      'everything.log',
      'filesystem.log',
      'node.log',
    ]);
    expect(text).toContain('the node serves');
    for (const secret of [file.apiKey, file.adminPassword, nodeToken, masterKey, secretOfStarter]) {
      expect(text).not.toContain(secret);
    }
  });
});
