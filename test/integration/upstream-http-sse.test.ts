import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { createUpstreams } from '../../data-plane/upstream/upstreams.ts';
import type { ClientRoute } from '../support/client-gateway.ts';
import { jsonLine, startProcess } from '../support/client-process.ts';
import { connectSdk1 } from '../support/client-sdk1.ts';
import { connectSdk2 } from '../support/client-sdk2.ts';
import type { ClientSession } from '../support/client-session.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import { loopbackUpstreams } from '../support/upstream-bounds.ts';
import { startFront } from '../support/upstream-front.ts';

interface Running {
  readonly route: ClientRoute;
  close(): Promise<void>;
}

const httpSse = { transport: 'http-sse' } as const;

/** The transport alone, without a pipeline before it. */
async function overFront(url: URL): Promise<Running> {
  const upstreams = createUpstreams({
    bounds: loopbackUpstreams,
    registry: new Registry(),
    clockMs: () => performance.now(),
    randomBytes,
  });
  const front = await startFront(upstreams.transport, url, httpSse);
  return {
    route: { url: front.url.href, apiKey: undefined },
    close: async () => {
      await front.close();
      await upstreams.close();
    },
  };
}

async function overProxy(url: URL): Promise<Running> {
  const proxy = await new ProxyHarness().start();
  return {
    route: { url: proxy.serve('everything', url, httpSse), apiKey: proxy.key },
    close: () => proxy.close(),
  };
}

/** server-everything over HTTP+SSE. */
async function startEverything() {
  const { value, stop } = await startProcess(
    {
      args: [
        '--import',
        './test/support/client-loopback.ts',
        'node_modules/@modelcontextprotocol/server-everything/dist/index.js',
        'sse',
      ],
    },
    jsonLine(z.object({ port: z.int().positive() })),
  );
  return { url: new URL(`http://127.0.0.1:${value.port}/sse`), stop };
}

describe.each([
  ['the transport alone, SDK 1.32', overFront, connectSdk1],
  ['the transport alone, SDK 2.4 that tries the modern era', overFront, connectSdk2('auto')],
  ['a proxy, SDK 1.32', overProxy, connectSdk1],
  ['a proxy, SDK 2.4 that tries the modern era', overProxy, connectSdk2('auto')],
])('server-everything over HTTP+SSE behind %s', (_name, start, connect) => {
  let everything: Awaited<ReturnType<typeof startEverything>>;
  let running: Running;
  let session: ClientSession;

  beforeEach(async () => {
    everything = await startEverything();
    running = await start(everything.url);
    session = await connect(running.route);
  });

  afterEach(async () => {
    await session.close();
    await running.close();
    await everything.stop();
  });

  test('serves tools, resources, prompts, completion and logging', async () => {
    expect(session.sessionId).toBeDefined();
    expect((await session.toolNames()).length).toBeGreaterThanOrEqual(13);
    expect((await session.call('echo', { message: 'hello' })).text).toBe('Echo: hello');
    const uris = await session.resourceUris();
    expect(uris).toHaveLength(7);
    expect((await session.read(uris[0] ?? '')).length).toBeGreaterThan(0);
    expect(await session.promptNames()).toHaveLength(4);
    expect(await session.prompt('args-prompt', { city: 'Paris' })).toContain('Paris');
    expect(await session.completePrompt('completable-prompt', 'department', 'E')).toEqual([
      'Engineering',
    ]);
    await session.wantLogs();
  });

  test('reports progress to the call that asked for it', async () => {
    const seen: number[] = [];
    const other: number[] = [];
    await Promise.all([
      session.call(
        'trigger-long-running-operation',
        { duration: 0.6, steps: 3 },
        { onProgress: (progress) => seen.push(progress) },
      ),
      session.call(
        'trigger-long-running-operation',
        { duration: 0.4, steps: 2 },
        { onProgress: (progress) => other.push(progress) },
      ),
    ]);
    expect(seen).toEqual([1, 2, 3]);
    expect(other).toEqual([1, 2]);
  });

  test('samples, elicits and asks for roots', async () => {
    expect((await session.call('trigger-sampling-request', { prompt: 'hi' })).text).toContain(
      'sampled:',
    );
    expect((await session.call('trigger-elicitation-request')).text).toContain('ada');
    expect((await session.call('get-roots-list')).text).toContain('file:///workspace');
  });

  test('answers many calls at the same time, each its own', async () => {
    const texts = Array.from({ length: 50 }, (_, index) => `message ${index}`);
    const answers = await Promise.all(texts.map((message) => session.call('echo', { message })));
    expect(answers.map(({ text }) => text)).toEqual(texts.map((text) => `Echo: ${text}`));
  });

  test('keeps sessions of several clients apart, and ends them', async () => {
    const second = await connect(running.route);
    expect(second.sessionId).not.toBe(session.sessionId);
    await second.terminate();
    await second.close();
    expect((await session.call('echo', { message: 'still here' })).text).toContain('still here');
  });

  test('ends the session when the server dies', async () => {
    await everything.stop();
    await expect(session.call('echo', { message: 'x' })).rejects.toThrow(/session/i);
  });
});
