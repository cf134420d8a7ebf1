import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ClientRoute, GatewayUnderTest } from '../support/client-gateway.ts';
import { clients, providers, startTimeoutMs } from '../support/client-providers.ts';
import type { ClientSession } from '../support/client-session.ts';
import { startServerEverything, type UpstreamProcess } from '../support/client-upstreams.ts';

/** Offered only to a client that declares roots, elicitation or sampling. */
const conditionalTools = [
  'get-roots-list',
  'trigger-elicitation-request',
  'trigger-sampling-request',
];

describe.each(providers)('server-everything %s', (_provider, startGateway) => {
  let upstream: UpstreamProcess;
  let gateway: GatewayUnderTest;
  let route: ClientRoute;

  beforeAll(async () => {
    upstream = await startServerEverything();
    gateway = await startGateway({ allowedHosts: [] });
    route = await gateway.serve({ slug: 'everything', url: upstream.url });
  }, startTimeoutMs);

  afterAll(async () => {
    await gateway.close();
    await upstream.stop();
  });

  describe.each(clients)('with %s', (_client, connect) => {
    let session: ClientSession;

    beforeEach(async () => {
      session = await connect(route);
    });

    afterEach(() => session.close());

    test('is reached in the legacy era, also by a client that tries the modern one', () => {
      expect([session.era, session.serverName]).toEqual(['legacy', 'mcp-servers/everything']);
      expect(session.sessionId).toBeDefined();
    });

    test('lists 13 tools, and 3 more for what the client can answer', async () => {
      const names = await session.toolNames();
      expect(names.filter((name) => !conditionalTools.includes(name))).toHaveLength(13);
      expect(names).toEqual(expect.arrayContaining(conditionalTools));
    });

    test('answers a call', async () => {
      expect((await session.call('echo', { message: 'hello' })).text).toBe('Echo: hello');
      expect((await session.call('get-sum', { a: 2, b: 3 })).text).toContain('5');
    });

    test('lists 7 resources and reads one', async () => {
      const uris = await session.resourceUris();
      expect(uris).toHaveLength(7);
      expect(await session.read(String(uris[0]))).toContain('#');
    });

    test('lists 4 prompts and fills one in', async () => {
      expect(await session.promptNames()).toHaveLength(4);
      expect(await session.prompt('args-prompt', { city: 'Basel' })).toContain('Basel');
    });

    test('completes a prompt’s argument', async () => {
      const values = await session.completePrompt('completable-prompt', 'department', 'E');
      expect(values).toEqual(['Engineering']);
    });

    test('samples and elicits', async () => {
      const sampled = await session.call('trigger-sampling-request', {
        prompt: 'Hi',
        maxTokens: 9,
      });
      expect(sampled.text).toContain('sampled: ');
      const elicited = await session.call('trigger-elicitation-request');
      expect(elicited.text).toContain('Ada');
    });

    test('reports progress', async () => {
      const seen: number[] = [];
      await session.call(
        'trigger-long-running-operation',
        { duration: 0.4, steps: 4 },
        { onProgress: (progress) => seen.push(progress) },
      );
      expect(seen).toEqual([1, 2, 3, 4]);
    });
  });
});
