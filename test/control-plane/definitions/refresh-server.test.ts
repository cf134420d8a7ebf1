import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { Agent } from 'undici';
import { guardedConnector } from '../../../common/guarded-connector.ts';
import { claimDueServers } from '../../../control-plane/definitions/claimed-server.ts';
import {
  type DefinitionRefreshOptions,
  startDefinitionRefresh,
} from '../../../control-plane/definitions/refresh-loop.ts';
import {
  type RefreshResult,
  refreshServer,
} from '../../../control-plane/definitions/refresh-server.ts';
import { approveTool } from '../../../control-plane/definitions/tool-approvals.ts';
import { systemActor } from '../../../control-plane/identity/actor.ts';
import {
  createServer,
  findServers,
  updateServer,
} from '../../../control-plane/registry/servers.ts';
import type { Store } from '../../../control-plane/store/store.ts';
import { eventually } from '../../support/control-stream.ts';
import {
  type Answering,
  type DefinitionUpstream,
  startDefinitionUpstream,
} from '../../support/definition-upstream.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const intervalMs = 3_600_000;
const logger = pino({ level: 'silent' });
const dispatcher = new Agent({
  connect: guardedConnector({ privateAddressesAllowed: true, timeoutMs: 5000 }),
});
let database: TestDatabase;
let store: Store;
let organizationId: string;
const upstreams: DefinitionUpstream[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  store = await database.openStore();
});
beforeEach(async () => {
  organizationId = randomUUID();
  await rows('delete from organizations');
  await rows(`insert into organizations (id, slug, name) values (?, 'acme', 'Acme')`, [
    organizationId,
  ]);
});
afterEach(async () => {
  await Promise.all(upstreams.splice(0).map((upstream) => upstream.close()));
});
afterAll(async () => {
  await dispatcher.destroy();
  await database.drop();
});

function rows<Row extends object>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
  return store.withSystem((em) => em.execute<Row[]>(sql, parameters));
}

const registry = () => ({
  store,
  masterKeys: database.masterKeys,
  addressRules: { privateAddressesAllowed: true },
});

async function upstreamOf(answer: Answering): Promise<DefinitionUpstream> {
  const upstream = await startDefinitionUpstream(answer);
  upstreams.push(upstream);
  return upstream;
}

/** Registers a server. @returns its id. */
async function register(urls: readonly string[], credential?: string): Promise<string> {
  const created = await createServer(registry(), systemActor, {
    ...{ organizationId, slug: 'server', name: 'Server', description: '', enabled: true },
    ...{ transport: 'streamable-http', era: 'legacy', labels: [], documentationUrl: null },
    ...{ connectTimeoutMs: null, requestTimeoutMs: null },
    endpoints: urls.map((url, index) => ({ url, weight: 10 - index })),
    credential: credential === undefined ? null : { header: 'x-api-key', value: credential },
  });
  if (!created.ok) throw new Error(JSON.stringify(created.violations));
  return created.value.server.id;
}

const deps = () => ({
  ...{ store, masterKeys: database.masterKeys, logger, dispatcher, intervalMs },
  random: () => 0.5,
});

/** Asks the servers that are due. */
async function work(): Promise<RefreshResult[]> {
  const due = await claimDueServers(store, 10);
  return Promise.all(due.map((server) => refreshServer(server, deps())));
}

async function statusOf(id: string) {
  const [server] = await findServers(store, organizationId, [id]);
  if (server === undefined) throw new Error('The server is gone.');
  return server.definitions;
}

async function offered(): Promise<[kind: string, name: string, isGone: boolean][]> {
  const found = await rows<{ kind: string; name: string; gone: boolean }>(
    'select kind, name, gone_at is not null as gone from server_definitions order by kind, name',
  );
  return found.map(({ kind, name, gone }) => [kind, name, gone]);
}

/** Lets all servers be due. */
async function letTimePass(): Promise<void> {
  await rows(`update mcp_servers set next_definitions_fetch_at = now() - interval '1 second'`);
}

/** A server whose tools a test sets. */
async function serverOf(tools: { current: readonly object[] }): Promise<string> {
  const upstream = await upstreamOf(({ method }) =>
    method === 'tools/list' ? { tools: tools.current } : undefined,
  );
  return register([upstream.url]);
}

const tool = (name: string, description = '') => ({ name, description, inputSchema: {} });

describe('a new server', () => {
  test('is asked at once, and an hour later again', async () => {
    const upstream = await upstreamOf(({ method }) => {
      if (method === 'tools/list') return { tools: [tool('t')] };
      if (method === 'prompts/list') return { prompts: [{ name: 'p' }] };
      if (method === 'resources/list') return { resources: [{ uri: 'a:b', name: 'r' }] };
      if (method !== 'resources/templates/list') return undefined;
      return { resourceTemplates: [{ uriTemplate: 'a:{b}', name: 'r' }] };
    });
    const id = await register([upstream.url], 'the key');
    expect(await work()).toEqual(['changed']);
    expect(await offered()).toEqual([
      ['prompt', 'p', false],
      ['resource', 'a:b', false],
      ['resource_template', 'a:{b}', false],
      ['tool', 't', false],
    ]);
    expect(upstream.headers.at(-1)?.['x-api-key']).toBe('the key');
    const { fetchedAt, failedAt, error, warning, nextFetchAt } = await statusOf(id);
    expect({ failedAt, error, warning }).toEqual({ failedAt: null, error: null, warning: null });
    expect(nextFetchAt.getTime() - (fetchedAt?.getTime() ?? 0)).toBe(intervalMs);
    expect(await work()).toEqual([]);
  });

  test('is asked by one of two workers, and by neither while it is disabled', async () => {
    const answered = Promise.withResolvers<void>();
    const upstream = await upstreamOf(({ id, method }, response) => {
      if (method !== 'tools/list') return undefined;
      void answered.promise.then(() => {
        const body = { jsonrpc: '2.0', id, result: { tools: [tool('t')] } };
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
      return 'answered';
    });
    const id = await register([upstream.url]);
    await rows('update mcp_servers set enabled = false');
    expect(await claimDueServers(store, 10)).toEqual([]);
    await rows('update mcp_servers set enabled = true');
    const both = await Promise.all([claimDueServers(store, 10), claimDueServers(store, 10)]);
    const [claimed, ...others] = both.flat();
    expect(claimed?.id).toBe(id);
    expect(others).toEqual([]);
    if (claimed === undefined) throw new Error('Nobody has claimed it.');
    const running = refreshServer(claimed, deps());
    // Who asks for it meanwhile is heeded afterwards, and by nobody before.
    await letTimePass();
    expect(await claimDueServers(store, 10)).toEqual([]);
    answered.resolve();
    expect(await running).toBe('changed');
    expect(await work()).toEqual(['unchanged']);
    expect(upstream.requests.filter((request) => request === 'POST tools/list')).toHaveLength(2);
    expect(upstream.sessions.size).toBe(0);
  });
});

describe('what a server offers', () => {
  test('is written anew where it changed, and deleted where it is gone', async () => {
    const tools = { current: [tool('same'), tool('other', 'old'), tool('gone')] };
    await serverOf(tools);
    await work();
    await rows(`update server_definitions set changed_at = 'epoch', first_seen_at = 'epoch'`);
    tools.current = [tool('other', 'new'), tool('same'), tool('added')];
    await letTimePass();
    expect(await work()).toEqual(['changed']);
    const found = await rows<{ name: string; first: boolean; changed: boolean }>(
      `select name, first_seen_at = 'epoch' as first, changed_at = 'epoch' as changed
       from server_definitions order by name`,
    );
    expect(found).toEqual([
      { name: 'added', first: false, changed: false },
      { name: 'other', first: true, changed: false },
      { name: 'same', first: true, changed: true },
    ]);
    await letTimePass();
    expect(await work()).toEqual(['unchanged']);
  });

  test('stays, as gone, while it is approved', async () => {
    const tools = { current: [tool('kept')] };
    const serverId = await serverOf(tools);
    await work();
    const [row] = await rows<{ hash: string }>(
      `select encode(hash, 'hex') as hash from server_definitions`,
    );
    const input = { organizationId, serverId, tool: 'kept', hash: row?.hash ?? '' };
    expect((await approveTool(store, systemActor, input)).ok).toBe(true);
    tools.current = [];
    await letTimePass();
    expect(await work()).toEqual(['changed']);
    expect(await offered()).toEqual([['tool', 'kept', true]]);
    await letTimePass();
    expect(await work()).toEqual(['unchanged']);
    tools.current = [tool('kept')];
    await letTimePass();
    expect(await work()).toEqual(['changed']);
    expect(await offered()).toEqual([['tool', 'kept', false]]);
  });

  test('may hold what PostgreSQL can’t store', async () => {
    await serverOf({ current: [tool('nul', 'a\0b \uD800')] });
    expect(await work()).toEqual(['changed']);
    await letTimePass();
    expect(await work()).toEqual(['unchanged']);
  });

  test('beyond the bounds is said to be left out', async () => {
    const large = tool('large', 'x'.repeat(70_000));
    const many = Array.from({ length: 2001 }, (_, index) => tool(`t${index}`));
    const id = await serverOf({ current: [large, {}, ...many] });
    await work();
    expect((await statusOf(id)).warning).toBe(
      'Left out: 1 larger than 64 KB or nested too deep; 1 without a usable name; 1 beyond 2000 definitions or 5 MB.',
    );
    expect((await offered()).length).toBe(2000);
  });
});

describe('a server that fails', () => {
  test('is asked again later and later, and what was known stays', async () => {
    let broken = false;
    const upstream = await upstreamOf(({ method }, response) => {
      if (broken) {
        response.writeHead(503).end();
        return 'answered';
      }
      return method === 'tools/list' ? { tools: [tool('t')] } : undefined;
    });
    const id = await register([upstream.url]);
    await work();
    broken = true;
    const waits: number[] = [];
    for (let failure = 0; failure < 12; failure += 1) {
      await letTimePass();
      expect(await work()).toEqual(['failed']);
      const { failedAt, nextFetchAt } = await statusOf(id);
      waits.push((nextFetchAt.getTime() - (failedAt?.getTime() ?? 0)) / 1000);
    }
    expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(waits.at(-1)).toBe(intervalMs / 1000);
    expect(await statusOf(id)).toMatchObject({
      error: 'The server failed: it answers the first request with status 503.',
      warning: null,
      failures: 12,
    });
    expect(await offered()).toEqual([['tool', 't', false]]);
    broken = false;
    await letTimePass();
    expect(await work()).toEqual(['unchanged']);
    expect(await statusOf(id)).toMatchObject({ error: null, failedAt: null, failures: 0 });
  });

  test('is asked at its next endpoint', async () => {
    const upstream = await upstreamOf(({ method }) =>
      method === 'tools/list' ? { tools: [tool('t')] } : undefined,
    );
    await register(['http://127.0.0.1:1/mcp', upstream.url]);
    expect(await work()).toEqual(['failed']);
    await letTimePass();
    expect(await work()).toEqual(['changed']);
  });

  test('is asked at once when its endpoint or its credential changes', async () => {
    const upstream = await upstreamOf(() => undefined);
    const id = await register(['http://127.0.0.1:1/mcp']);
    expect(await work()).toEqual(['failed']);
    expect(await work()).toEqual([]);
    const endpoints = [{ url: upstream.url, weight: 1 }];
    const change = { organizationId, id, version: 1, endpoints };
    expect((await updateServer(registry(), systemActor, change)).ok).toBe(true);
    expect(await work()).toEqual(['unchanged']);
    const credential = { header: 'x-api-key', value: 'secret' };
    const next = { organizationId, id, version: 2, credential };
    expect((await updateServer(registry(), systemActor, next)).ok).toBe(true);
    expect(await work()).toEqual(['unchanged']);
    expect(upstream.headers.at(-1)?.['x-api-key']).toBe('secret');
    const renaming = { organizationId, id, version: 3, name: 'Renamed' };
    expect((await updateServer(registry(), systemActor, renaming)).ok).toBe(true);
    expect(await work()).toEqual([]);
  });

  test('or is changed while it is asked tells nothing about what it is now', async () => {
    const id = await serverOf({ current: [tool('old')] });
    const [claimed] = await claimDueServers(store, 1);
    if (claimed === undefined) throw new Error('There is nothing to claim.');
    const other = await upstreamOf(({ method }) =>
      method === 'tools/list' ? { tools: [tool('new')] } : undefined,
    );
    const endpoints = [{ url: other.url, weight: 1 }];
    await updateServer(registry(), systemActor, { organizationId, id, version: 1, endpoints });
    expect(await refreshServer(claimed, deps())).toBe('superseded');
    expect(await offered()).toEqual([]);
    expect(await work()).toEqual(['changed']);
    expect(await offered()).toEqual([['tool', 'new', false]]);
  });

  test('is taken up again when its worker died', async () => {
    await serverOf({ current: [tool('t')] });
    expect(await claimDueServers(store, 1)).toHaveLength(1);
    await letTimePass();
    expect(await claimDueServers(store, 1)).toEqual([]);
    await rows(`update mcp_servers set definitions_claimed_until = now()`);
    expect(await work()).toEqual(['changed']);
  });
});

describe('the worker', () => {
  const options = (): DefinitionRefreshOptions => ({
    ...{ store, masterKeys: database.masterKeys, logger, intervalMs, random: () => 0.5 },
    ...{ privateUpstreamsAllowed: true, pollIntervalMs: 20 },
  });

  test('asks each server once, however many workers there are, and slow ones hold nobody up', async () => {
    const slow = await upstreamOf(({ method }) =>
      method === 'tools/list' ? 'answered' : undefined,
    );
    const quick = await upstreamOf(() => undefined);
    await register([slow.url]);
    await rows(`update mcp_servers set slug = 'slow', next_definitions_fetch_at = 'epoch'`);
    const id = await register([quick.url]);
    const workers = [options(), options()].map(startDefinitionRefresh);
    await eventually(
      () => statusOf(id),
      ({ fetchedAt }) => fetchedAt !== null,
    );
    const closedAtMs = performance.now();
    await Promise.all(workers.map((worker) => worker.close()));
    expect(performance.now() - closedAtMs).toBeLessThan(5000);
    for (const { requests, sessions } of [slow, quick]) {
      expect(requests.filter((request) => request === 'POST initialize')).toHaveLength(1);
      expect(requests.filter((request) => request === 'DELETE')).toHaveLength(1);
      expect(sessions.size).toBe(0);
    }
    // What it did not finish is for the next one to do.
    const due = await claimDueServers(store, 10);
    expect(due.map(({ urls }) => urls)).toEqual([[slow.url]]);
  });

  test('calls no private address where that is not allowed', async () => {
    const upstream = await upstreamOf(() => undefined);
    const id = await register([upstream.url]);
    const worker = startDefinitionRefresh({ ...options(), privateUpstreamsAllowed: false });
    const { error } = await eventually(
      () => statusOf(id),
      ({ failedAt }) => failedAt !== null,
    );
    await worker.close();
    expect(error).toBe('The server failed: its address is not allowed here.');
    expect(upstream.requests).toEqual([]);
  });
});
