import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { Agent } from 'undici';
import { guardedConnector } from '../../../common/guarded-connector.ts';
import {
  type FetchBounds,
  type FetchedDefinitions,
  fetchBoundsDefault,
  fetchDefinitions,
} from '../../../control-plane/definitions/fetch-definitions.ts';
import type { DefinitionSource } from '../../../control-plane/definitions/upstream-exchange.ts';
import {
  type Answering,
  type DefinitionUpstream,
  startDefinitionUpstream,
} from '../../support/definition-upstream.ts';

const dispatcher = new Agent({
  connect: guardedConnector({ privateAddressesAllowed: true, timeoutMs: 5000 }),
});
let upstream: DefinitionUpstream | undefined;

afterEach(() => upstream?.close());
afterAll(() => dispatcher.destroy());

async function start(answer: Answering): Promise<DefinitionUpstream> {
  upstream = await startDefinitionUpstream(answer);
  return upstream;
}

function fetchFrom(
  { url }: { readonly url: string },
  source: Partial<DefinitionSource> = {},
  bounds: Partial<FetchBounds> = {},
) {
  return fetchDefinitions(
    { url, transport: 'streamable-http', era: 'legacy', credential: undefined, ...source },
    { dispatcher, bounds: { ...fetchBoundsDefault, ...bounds } },
  );
}

async function fetched(...args: Parameters<typeof fetchFrom>): Promise<FetchedDefinitions> {
  const outcome = await fetchFrom(...args);
  if (!outcome.ok) throw new Error(outcome.error);
  return outcome.fetched;
}

async function failure(...args: Parameters<typeof fetchFrom>): Promise<string> {
  const outcome = await fetchFrom(...args);
  return outcome.ok ? '' : outcome.error;
}

const tool = (name: string, more: object = {}) => ({
  name,
  inputSchema: { type: 'object' },
  ...more,
});

describe('a list of several pages', () => {
  test('is read to its end, also past an empty cursor', async () => {
    const pages: Record<string, object> = {
      first: { tools: [tool('a')], nextCursor: '' },
      '': { tools: [tool('b')], nextCursor: 'last' },
      last: { tools: [tool('c')] },
    };
    const server = await start(({ method, params }) =>
      method === 'tools/list' ? pages[String(params?.['cursor'] ?? 'first')] : undefined,
    );
    const { definitions, problems } = await fetched(server);
    expect(definitions.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(problems).toEqual([]);
  });

  test.each([
    ['the same cursor again', () => 'again'],
    ['a cursor that leads in a circle', (page: number) => `page-${page % 3}`],
    ['a cursor that is no text', () => 7],
    ['an endless cursor', () => 'x'.repeat(10_000)],
  ])('ends at %s', async (_, cursorOf) => {
    let page = 0;
    const server = await start(({ method }) => {
      if (method !== 'tools/list') return undefined;
      page += 1;
      return { tools: [tool(`t${page}`)], nextCursor: cursorOf(page) };
    });
    const { definitions, problems } = await fetched(server);
    expect(definitions.length).toBeLessThanOrEqual(4);
    expect(problems).toEqual(['tools/list goes on with a cursor that leads nowhere.']);
    expect(server.sessions.size).toBe(0);
  });

  test('without an end is left after as many pages as are allowed', async () => {
    let page = 0;
    const server = await start(({ method }) => {
      if (method !== 'tools/list') return undefined;
      page += 1;
      return { tools: [tool(`t${page}`)], nextCursor: `page-${page}` };
    });
    const { definitions, problems } = await fetched(server, {}, { pagesMax: 10 });
    expect(definitions).toHaveLength(10);
    expect(problems).toEqual(['tools/list has more than 10 pages.']);
  });
});

describe('what is listed', () => {
  test('is left out when it is too large, nameless, or named twice', async () => {
    const items = [
      tool('good'),
      tool('good', { description: 'another' }),
      tool('large', { description: 'x'.repeat(70_000) }),
      { name: 'nul\0', inputSchema: {} },
      { inputSchema: {} },
      'text',
      null,
    ];
    const server = await start(({ method }) =>
      method === 'tools/list' ? { tools: items } : undefined,
    );
    const { definitions, leftOut } = await fetched(server);
    expect(definitions.map(({ name }) => name)).toEqual(['good']);
    expect(Object.fromEntries(leftOut)).toEqual({
      named_twice: 1,
      too_large: 1,
      not_a_definition: 4,
    });
  });

  test('beyond 2,000 is left out, tools being kept first', async () => {
    const tools = Array.from({ length: 2100 }, (__, index) => tool(`t${index}`));
    const server = await start(({ method }) => {
      if (method === 'tools/list') return { tools };
      return method === 'prompts/list' ? { prompts: [{ name: 'p' }] } : undefined;
    });
    const { definitions, leftOut } = await fetched(server);
    expect(definitions).toHaveLength(2000);
    expect(new Set(definitions.map(({ kind }) => kind))).toEqual(new Set(['tool']));
    expect(leftOut.get('too_many')).toBe(101);
  });

  test('is asked for with the server’s credential, in every request', async () => {
    const server = await start(() => undefined);
    await fetched(server, { credential: { header: 'x-api-key', value: 'secret' } });
    expect(server.headers.length).toBeGreaterThan(5);
    expect(server.headers.every((headers) => headers['x-api-key'] === 'secret')).toBe(true);
  });

  test('of one kind can be missing without the others', async () => {
    const server = await start(({ method }, response) => {
      if (method === 'tools/list') return { tools: [tool('a')] };
      if (method !== 'prompts/list') return undefined;
      response.writeHead(500).end();
      return 'answered';
    });
    const { definitions, listed, problems } = await fetched(server);
    expect(definitions.map(({ name }) => name)).toEqual(['a']);
    expect([...listed].sort()).toEqual(['resource', 'resource_template', 'tool']);
    expect(problems).toEqual(['prompts/list failed: it answers prompts/list with status 500.']);
  });
});

describe('a server that fails', () => {
  test.each<[string, Answering, string]>([
    [
      'redirects',
      (_, response) => {
        response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end();
        return 'answered';
      },
      'it redirects elsewhere, which is not followed',
    ],
    [
      'lets nobody in',
      (_, response) => {
        response.writeHead(401).end('internal text');
        return 'answered';
      },
      'it answers the first request with status 401',
    ],
    [
      'answers with an error',
      ({ method }, response) => {
        if (method !== 'tools/list') return undefined;
        const error = { code: -32603, message: 'internal text' };
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ jsonrpc: '2.0', id: 1, error }));
        return 'answered';
      },
      'it answers tools/list with error -32603',
    ],
    [
      'answers something else',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>internal text');
        return 'answered';
      },
      'its answer to the first request is not what the protocol says',
    ],
    [
      'answers without an end',
      ({ method }, response) => {
        if (method !== 'tools/list') return undefined;
        response.writeHead(200, { 'content-type': 'application/json' });
        const more = () => {
          while (!response.destroyed && response.write('x'.repeat(65_536)));
        };
        response.on('drain', more);
        more();
        return 'answered';
      },
      'its answers are too large',
    ],
    [
      'compresses its answer',
      ({ method }, response) => {
        if (method !== 'tools/list') return undefined;
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
          .end('zzz');
        return 'answered';
      },
      'its answer is compressed, which it was not asked for',
    ],
  ])('is told of when it %s, in no words of its own', async (_, answer, reason) => {
    const server = await start(answer);
    expect(await failure(server)).toBe(`The server failed: ${reason}.`);
    expect(server.sessions.size).toBe(0);
  });

  test.each(['initialize', 'notifications/initialized', 'tools/list', 'resources/list'])(
    'by never answering %s is left in time, and its session is ended',
    async (hanging) => {
      const server = await start(({ method }) => (method === hanging ? 'answered' : undefined));
      const bounds = { totalTimeoutMs: 600, requestTimeoutMs: 300 };
      const begunAtMs = performance.now();
      const outcome = await fetchFrom(server, {}, bounds);
      expect(performance.now() - begunAtMs).toBeLessThan(3000);
      if (outcome.ok) expect(outcome.fetched.problems).toEqual([expect.stringMatching(/too long/)]);
      else expect(outcome.error).toBe('The server failed: it took too long to answer.');
      expect(server.sessions.size).toBe(0);
    },
  );

  test('by standing at a private address is not called where that is not allowed', async () => {
    const server = await start(() => undefined);
    const guarded = new Agent({
      connect: guardedConnector({ privateAddressesAllowed: false, timeoutMs: 1000 }),
    });
    const outcome = await fetchDefinitions(
      { url: server.url, transport: 'streamable-http', era: undefined, credential: undefined },
      { dispatcher: guarded },
    );
    await guarded.destroy();
    expect(outcome).toEqual({
      ok: false,
      error: 'The server failed: its address is not allowed here.',
    });
    expect(server.requests).toEqual([]);
  });

  test('is left at once when the worker is stopped', async () => {
    const stop = new AbortController();
    const server = await start(({ method }) => {
      if (method !== 'tools/list') return undefined;
      stop.abort();
      return 'answered';
    });
    const { url } = server;
    const outcome = await fetchDefinitions(
      { url, transport: 'streamable-http', era: 'legacy', credential: undefined },
      { dispatcher, stop: stop.signal },
    );
    expect(outcome.ok).toBe(false);
    expect(server.sessions.size).toBe(0);
  });
});
