import { randomBytes } from 'node:crypto';
import type http from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HttpSseTransport } from '../../../data-plane/upstream/http-sse/http-sse-transport.ts';
import { StreamableHttpTransport } from '../../../data-plane/upstream/streamable-http-transport.ts';
import { loopbackUpstreams } from '../../support/upstream-bounds.ts';
import { postTo } from '../../support/upstream-entries.ts';
import { UpstreamRecorder } from '../../support/upstream-recorder.ts';
import { readBody, startHttpServer } from '../../support/upstream-server.ts';
import { messagesOf, SseClient } from '../../support/upstream-sse-client.ts';
import { startSseServer } from '../../support/upstream-sse-server.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function httpTransport(callsMax: number) {
  const transport = new StreamableHttpTransport({
    bounds: { ...loopbackUpstreams, callsMax, streamsMax: 4 },
    metrics: { connected: () => undefined, failed: () => undefined },
    clockMs: () => 0,
  });
  closers.push(() => transport.close());
  return transport;
}

type Answer = 'at once' | 'events' | 'long' | 'reset' | 'close' | 'cut' | 'never';

const answers: Record<Answer, (response: http.ServerResponse) => void> = {
  'at once': (response) => response.end('{}'),
  events: (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
    setTimeout(() => response.end('data: 2\n\n'), 5);
  },
  long: (response) => response.end('x'.repeat(300_000)),
  reset: (response) => response.socket?.resetAndDestroy(),
  close: (response) => response.writeHead(200, { connection: 'close' }).end('bye'),
  cut: (response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('half', () => response.destroy());
  },
  never: () => undefined,
};

const plan = fc.record({
  answer: fc.constantFrom(...(Object.keys(answers) as Answer[])),
  /** Milliseconds after which the caller leaves; undefined: it stays. */
  abortAfterMs: fc.option(fc.integer({ min: 0, max: 10 }), { nil: undefined }),
  pauseMs: fc.option(fc.integer({ min: 0, max: 10 }), { nil: undefined }),
});

test('whatever endpoints and callers do, every exchange ends once and leaves nothing behind', async () => {
  const server = await startHttpServer(async (request, response) => {
    const { answer } = JSON.parse(await readBody(request)) as { answer: Answer };
    answers[answer](response);
  });
  closers.push(() => server.close());
  await fc.assert(
    fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 30 }), async (plans) => {
      const transport = httpTransport(3);
      await Promise.all(
        plans.map(async ({ answer, abortAfterMs, pauseMs }) => {
          const recorder = new UpstreamRecorder();
          const request = postTo(server.url, { answer }, { headTimeoutMs: 60 });
          const exchange = transport.open(request, recorder);
          if (pauseMs !== undefined) {
            exchange.pause();
            setTimeout(() => exchange.resume(), pauseMs);
          }
          if (abortAfterMs === undefined) await recorder.end;
          else await new Promise((resolve) => setTimeout(resolve, abortAfterMs));
          exchange.abort();
          const { endings } = recorder;
          await new Promise(setImmediate);
          expect(recorder.endings).toBe(endings);
          expect(endings).toBeLessThanOrEqual(1);
        }),
      );
      expect(transport.sums()).toMatchObject({ calls: 0, streams: 0, queued: 0 });
      await transport.close();
    }),
    { numRuns: 20 },
  );
});

test('over HTTP+SSE each response reaches its waiter in any order, among callers that leave', async () => {
  const server = await startSseServer({
    onMessage: ({ message, response }) => {
      if (message.method === 'initialize') return false;
      response.writeHead(202).end();
      return true;
    },
  });
  closers.push(() => server.close());
  const transport = new HttpSseTransport({
    transport: httpTransport(64),
    randomBytes,
    sessionsMax: 100,
    idleMs: 60_000,
    queueBytesMax: 1_000,
    eventBytesMax: 100_000,
  });
  closers.push(async () => transport.close());
  const call = fc.record({
    id: fc.oneof(fc.integer(), fc.string({ maxLength: 5 })),
    order: fc.integer({ min: 0, max: 1_000 }),
    leaves: fc.boolean(),
    slow: fc.boolean(),
    size: fc.integer({ min: 0, max: 3_000 }),
  });
  const calls = fc.uniqueArray(call, { selector: ({ id }) => id, minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(calls, async (plans) => {
      const client = new SseClient(transport, server.url);
      await client.initialize();
      const session = server.sessions.at(-1);
      const open = plans.map((each) => ({ ...each, ...client.request(each.id, 'tools/call') }));
      for (const { recorder } of open) await recorder.head;
      for (const { slow, leaves, exchange } of open) {
        if (leaves) exchange.abort();
        else if (slow) exchange.pause();
      }
      const expected = ({ id, size }: (typeof open)[number]) => ({
        jsonrpc: '2.0',
        id,
        result: { text: 'x'.repeat(size) },
      });
      for (const each of open.toSorted((a, b) => a.order - b.order)) session?.send(expected(each));
      for (const { slow, exchange } of open) if (slow) setImmediate(() => exchange.resume());
      await Promise.all(
        open.map(async (each) => {
          const end = each.leaves ? undefined : await each.recorder.end;
          expect(end).toBeUndefined();
          expect(messagesOf(each.recorder)).toEqual(each.leaves ? [] : [expected(each)]);
        }),
      );
      expect((await client.open('DELETE').recorder.head).status).toBe(204);
    }),
    { numRuns: 25 },
  );
  expect(transport.sessions).toBe(0);
});
