import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { Agent } from 'undici';
import { z } from 'zod';
import { guardedConnector } from '../../common/guarded-connector.ts';
import {
  type FetchedDefinitions,
  fetchDefinitions,
} from '../../control-plane/definitions/fetch-definitions.ts';
import type { DefinitionKind } from '../../control-plane/definitions/offered-definition.ts';
import type { DefinitionSource } from '../../control-plane/definitions/upstream-exchange.ts';
import { jsonLine, startProcess } from '../support/client-process.ts';
import {
  startBridgedFilesystem,
  startReference,
  startServerEverything,
  type UpstreamProcess,
} from '../support/client-upstreams.ts';
import { type SseServer, startSseServer } from '../support/upstream-sse-server.ts';

const startTimeoutMs = 60_000;
const dispatcher = new Agent({
  connect: guardedConnector({ privateAddressesAllowed: true, timeoutMs: 5000 }),
});
let upstream: UpstreamProcess | undefined;

afterEach(async () => {
  await upstream?.stop();
  upstream = undefined;
});
afterAll(() => dispatcher.destroy());

async function fetched(
  url: string,
  source: Partial<DefinitionSource> = {},
): Promise<FetchedDefinitions> {
  const outcome = await fetchDefinitions(
    { url, transport: 'streamable-http', era: undefined, credential: undefined, ...source },
    { dispatcher },
  );
  if (!outcome.ok) throw new Error(outcome.error);
  return outcome.fetched;
}

/** How many there are of each kind. */
function counts({ definitions }: FetchedDefinitions): Partial<Record<DefinitionKind, number>> {
  const kinds = Map.groupBy(definitions, ({ kind }) => kind);
  return Object.fromEntries([...kinds].map(([kind, found]) => [kind, found.length]));
}

function whole(found: FetchedDefinitions): FetchedDefinitions {
  expect([found.problems, [...found.leftOut]]).toEqual([[], []]);
  return found;
}

/** server-everything over HTTP+SSE. */
async function startSseEverything(): Promise<UpstreamProcess> {
  const script = 'node_modules/@modelcontextprotocol/server-everything/dist/index.js';
  const args = ['--import', './test/support/client-loopback.ts', script, 'sse'];
  const portLine = jsonLine(z.object({ port: z.int().positive() }));
  const { value, stop } = await startProcess({ args }, portLine);
  return { url: `http://127.0.0.1:${value.port}/sse`, stop };
}

describe('server-everything', () => {
  const everything = { tool: 17, prompt: 4, resource_template: 2, resource: 7 };

  test(
    'shows all that any client is offered',
    async () => {
      upstream = await startServerEverything();
      const found = whole(await fetched(upstream.url));
      expect(counts(found)).toEqual(everything);
      const again = whole(await fetched(upstream.url, { era: 'legacy' }));
      expect(again.definitions).toEqual(found.definitions);
    },
    startTimeoutMs,
  );

  test(
    'shows the same over HTTP+SSE',
    async () => {
      upstream = await startSseEverything();
      const found = await fetched(upstream.url, { transport: 'http-sse' });
      expect(counts(whole(found))).toEqual(everything);
    },
    startTimeoutMs,
  );
});

test(
  'server-filesystem shows 14 tools in either era, with their annotations',
  async () => {
    upstream = await startBridgedFilesystem();
    const legacy = whole(await fetched(upstream.url, { era: 'legacy' }));
    const modern = whole(await fetched(upstream.url, { era: 'modern' }));
    expect(counts(legacy)).toEqual({ tool: 14 });
    expect(modern.definitions).toEqual(legacy.definitions);
    const read = legacy.definitions.find(({ name }) => name === 'read_text_file');
    expect(read?.definition).toMatchObject({ annotations: { readOnlyHint: true } });
  },
  startTimeoutMs,
);

test(
  'a server of both eras shows the same in each, and whichever it is found to speak',
  async () => {
    upstream = await startReference();
    const [legacy, modern, either] = [
      await fetched(upstream.url, { era: 'legacy' }),
      await fetched(upstream.url, { era: 'modern' }),
      await fetched(upstream.url, { era: 'dual' }),
    ].map(whole);
    expect(counts(legacy as FetchedDefinitions).tool).toBeGreaterThan(10);
    expect(either?.definitions).toEqual(modern?.definitions);
    const names = (found?: FetchedDefinitions) => found?.definitions.map(({ name }) => name).sort();
    expect(names(modern)).toEqual(names(legacy));
  },
  startTimeoutMs,
);

describe('an HTTP+SSE server', () => {
  let scripted: SseServer;
  afterEach(() => scripted.close());
  const sse = { transport: 'http-sse', era: undefined, credential: undefined } as const;

  test('that sends elsewhere is not followed', async () => {
    scripted = await startSseServer({ endpoint: () => 'http://127.0.0.1:1/message' });
    const outcome = await fetchDefinitions(
      { ...sse, url: new URL('/sse', scripted.url).href },
      { dispatcher },
    );
    expect(outcome.ok).toBe(false);
    expect(scripted.sessions.flatMap(({ received }) => received)).toEqual([]);
  });

  test('is let go of once it was asked', async () => {
    scripted = await startSseServer();
    const outcome = await fetchDefinitions(
      {
        ...sse,
        url: new URL('/sse', scripted.url).href,
        credential: { header: 'x-k', value: 'v' },
      },
      {
        dispatcher,
        bounds: { totalTimeoutMs: 2000, requestTimeoutMs: 500, pagesMax: 5, bytesMax: 1e6 },
      },
    );
    expect(outcome.ok).toBe(false);
    const [session] = scripted.sessions;
    expect(session?.headers['x-k']).toBe('v');
    if (session?.stream.closed === false) {
      await new Promise((resolve) => session.stream.once('close', resolve));
    }
  });
});
