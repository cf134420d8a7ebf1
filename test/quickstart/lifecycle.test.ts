import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { QuickstartFile } from '../../quickstart/quickstart-file.ts';
import { callTool } from '../support/quickstart-agent.ts';
import { until } from '../support/quickstart-processes.ts';
import { QuickstartRun, type QuickstartRunOptions } from '../support/quickstart-run.ts';

let folder: string;
let runs: QuickstartRun[] = [];

function start(options: Partial<QuickstartRunOptions> = {}): QuickstartRun {
  const started = new QuickstartRun({ dataDir: path.join(folder, 'data'), ...options });
  runs.push(started);
  return started;
}

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'mcpgw-lifecycle-'));
});

afterEach(async () => {
  const left = runs;
  runs = [];
  for (const each of left) each.kill('SIGTERM');
  await Promise.all(left.map(({ ended }) => ended));
  for (const each of left) await each.nothingRuns([]);
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function graphql<T>(file: QuickstartFile, query: string, token?: string): Promise<T> {
  const response = await fetch(file.graphqlUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query }),
  });
  return ((await response.json()) as { data: T }).data;
}

/** Messages of the echo calls in the request log. */
async function echoCalls(file: QuickstartFile): Promise<number> {
  const { login } = await graphql<{ login: { accessToken: string } }>(
    file,
    `mutation { login(email: "${file.adminEmail}", password: "${file.adminPassword}") { accessToken } }`,
  );
  const { organization } = await graphql<{
    organization: { requestLogs: { nodes: { target: string }[] } };
  }>(
    file,
    '{ organization(slug: "demo") { requestLogs(first: 50, filter: { target: "echo" }) { nodes { target } } } }',
    login.accessToken,
  );
  return organization.requestLogs.nodes.length;
}

function echo({ servers, apiKey }: QuickstartFile): Promise<string> {
  const args = { message: 'hello' };
  return callTool({ url: servers['everything'] ?? '', apiKey, tool: 'echo', args });
}

describe('starting and ending', () => {
  test('keeps key, password and data for the next start', async () => {
    const first = start({ by: 'npm' });
    const before = await first.ready();
    await echo(before);
    const calls = await until(
      'the call is in the log',
      async () => (await echoCalls(before)) || undefined,
    );
    expect(await first.end()).toEqual({ code: 0, signal: null });
    expect(first.hasFile).toBe(false);

    const second = start();
    const after = await second.ready();

    expect(after.apiKey).toBe(before.apiKey);
    expect(after.adminPassword).toBe(before.adminPassword);
    expect(await echoCalls(after)).toBe(calls);
    expect(await echo(after)).toBe('Echo: hello');
  }, 120_000);

  test.each([
    ['npm', 'npm', undefined],
    ['the start script', 'script', undefined],
    ['the quickstart', 'script', 'dist/quickstart/main.js'],
  ] as const)(
    'leaves nothing running after kill -9 of %s, and starts at once',
    async (_name, by, part) => {
      const killed = start({ by });
      const { apiKey } = await killed.ready();
      const seen = killed.processes();
      expect(seen.length).toBeGreaterThan(8);

      process.kill(part === undefined ? killed.pid : killed.process(part).pid, 'SIGKILL');
      const next = start();

      const file = await next.ready();
      expect(file.apiKey).toBe(apiKey);
      expect(await echo(file)).toBe('Echo: hello');
      expect(await next.end()).toEqual({ code: 0, signal: null });
      await killed.nothingRuns(seen);
    },
    120_000,
  );

  test.each([['starting the control plane'], ['setting up'], ['starting a proxy node']])(
    'ends in order while it is "%s"',
    async (text) => {
      const quickstart = start();
      await quickstart.said(text);

      const seen = quickstart.processes();
      quickstart.kill('SIGINT');

      expect(await quickstart.ended).toEqual({ code: 0, signal: null });
      await quickstart.nothingRuns(seen);
      expect(quickstart.output).not.toMatch(/✗|ready after/);
      expect(quickstart.hasFile).toBe(false);
    },
    60_000,
  );

  test('ends in order also when nobody reads its output any more', async () => {
    const quickstart = start();
    const { proxyUrl } = await quickstart.ready();
    const seen = quickstart.processes();

    quickstart.closeOutput();
    quickstart.kill('SIGTERM');

    expect(await quickstart.ended).toEqual({ code: 0, signal: null });
    await quickstart.nothingRuns(seen);
    expect(quickstart.hasFile).toBe(false);
    await expect(fetch(proxyUrl)).rejects.toThrow();
  }, 60_000);

  test('refuses a folder whose quickstart runs on', async () => {
    const first = start();
    const file = await first.ready();

    const second = start();
    const { code } = await second.ended;

    expect(code).toBe(1);
    expect(second.output).toContain('Another quickstart runs in');
    expect(second.output).toContain('MCPGW_DATA_DIR');
    expect(await echo(file)).toBe('Echo: hello');
    expect(first.hasFile).toBe(true);
  }, 90_000);

  test('says what is wrong with a setting', async () => {
    const quickstart = start({ environment: { MCPGW_GRAPHQL_DEPTH_MAX: 'deep' } });

    expect(await quickstart.ended).toEqual({ code: 1, signal: null });
    expect(quickstart.output).toContain('MCPGW_GRAPHQL_DEPTH_MAX');
    expect(quickstart.hasFile).toBe(false);
  }, 60_000);
});

describe('ports', () => {
  let taken: Server;
  let port: string;

  beforeAll(async () => {
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    port = String((taken.address() as AddressInfo).port);
  });

  afterAll(() => new Promise((resolve) => taken.close(resolve)));

  test.each([
    ['MCPGW_GRAPHQL_PORT'],
    ['MCPGW_GRPC_PORT'],
    ['MCPGW_PROXY_PORT'],
    ['MCPGW_NODE_ADMIN_PORT'],
  ])('names %s when its port is taken, and starts nothing', async (variable) => {
    const quickstart = start({ environment: { [variable]: port } });

    expect(await quickstart.ended).toEqual({ code: 1, signal: null });
    expect(quickstart.output).toMatch(new RegExp(`Port ${port} .*is taken\\. Set ${variable} `));
    expect(quickstart.output).not.toContain('starting');
  });

  test('names both settings of one port', async () => {
    const spare = createServer();
    await new Promise<void>((resolve) => spare.listen(0, '127.0.0.1', resolve));
    const free = String((spare.address() as AddressInfo).port);
    await new Promise((resolve) => spare.close(resolve));

    const quickstart = start({ environment: { MCPGW_GRPC_PORT: free, MCPGW_PROXY_PORT: free } });

    expect(await quickstart.ended).toEqual({ code: 1, signal: null });
    expect(quickstart.output).toMatch(/MCPGW_GRPC_PORT.*MCPGW_PROXY_PORT/);
  });
});
