import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ClientRoute, GatewayUnderTest } from '../support/client-gateway.ts';
import { clients, providers, startTimeoutMs } from '../support/client-providers.ts';
import { type ClientSession, clientRoot } from '../support/client-session.ts';
import { startReference, type UpstreamProcess } from '../support/client-upstreams.ts';

const watchedUri = 'test://watched-resource';

describe.each(providers)('the reference upstream %s', (_provider, startGateway) => {
  let upstream: UpstreamProcess;
  let gateway: GatewayUnderTest;
  let route: ClientRoute;

  beforeAll(async () => {
    upstream = await startReference();
    gateway = await startGateway({ allowedHosts: [] });
    route = await gateway.serve({ slug: 'reference', url: upstream.url });
  }, startTimeoutMs);

  afterAll(async () => {
    await gateway.close();
    await upstream.stop();
  });

  describe.each(clients)('with %s', (_client, connect, era) => {
    let session: ClientSession;

    beforeEach(async () => {
      session = await connect(route);
    });

    afterEach(() => session.close());

    test('is reached in the client’s era, as itself', () => {
      expect([session.era, session.serverName]).toEqual([era, 'reference-upstream']);
    });

    test('lists its tools and answers a call', async () => {
      expect(await session.toolNames()).toContain('test_simple_text');
      await expect(session.call('test_simple_text')).resolves.toEqual({
        text: 'This is a simple text response for testing.',
        isError: false,
      });
    });

    test('answers a failing tool with its own error', async () => {
      const answer = await session.call('test_error_handling');
      expect(answer).toEqual({
        text: 'This tool intentionally returns an error for testing',
        isError: true,
      });
    });

    test('refuses an unknown tool in its own words', async () => {
      await expect(session.call('no_such_tool')).rejects.toThrow(/no_such_tool/);
    });

    test('lists and reads resources, text, binary and by template', async () => {
      expect(await session.resourceUris()).toContain('test://static-text');
      expect(await session.templateUris()).toEqual(['test://template/{id}/data']);
      expect(await session.read('test://static-text')).toMatch(/^This is the content/);
      expect(await session.read('test://static-binary')).toMatch(/^iVBORw0KGgo/);
      expect(JSON.parse(await session.read('test://template/7/data'))).toMatchObject({ id: '7' });
    });

    test('lists and fills in prompts', async () => {
      expect(await session.promptNames()).toContain('test_prompt_with_arguments');
      const args = { arg1: 'one', arg2: 'two' };
      expect(await session.prompt('test_prompt_with_arguments', args)).toBe(
        "Prompt with arguments: arg1='one', arg2='two'",
      );
    });

    test('completes a prompt’s argument and a template’s variable', async () => {
      expect(await session.completePrompt('test_prompt_with_arguments', 'arg1', 'test')).toEqual([
        'testAlpha',
        'testBeta',
      ]);
      const template = 'test://template/{id}/data';
      expect(await session.completeTemplate(template, 'id', '12')).toEqual(['12', '123']);
    });

    test('has the client’s model sample', async () => {
      const answer = await session.call('test_sampling', { prompt: 'Say hi.' });
      expect(answer.text).toBe('LLM response: sampled: Say hi.');
    });

    test('asks the client’s user', async () => {
      const { text } = await session.call('test_elicitation', { message: 'Who are you?' });
      expect(text).toContain('action=accept');
      expect(text).toContain('"username":"ada"');
    });

    test('asks for the client’s roots', async () => {
      expect((await session.call('test_list_roots')).text).toBe(`Roots: ${clientRoot}`);
    });

    test('reports progress while the call runs', async () => {
      const seen: number[] = [];
      const onProgress = (progress: number) => seen.push(progress);
      await session.call('test_tool_with_progress', {}, { onProgress });
      expect(seen).toEqual([0, 50, 100]);
    });

    test('sends log messages to a client that wants them', async () => {
      await session.wantLogs();
      await session.call('test_tool_with_logging');
      for (const data of ['Tool execution started', 'Tool execution completed']) {
        await session.notifications.find(
          ({ method, params }) => method === 'notifications/message' && params['data'] === data,
        );
      }
    });

    test('tells a client that watches of what another client changes', async () => {
      const other = await connect(route);
      await session.watch(watchedUri);
      await other.call('test_trigger_resource_update');
      await other.call('test_trigger_tool_change');
      const updated = await session.notifications.find(
        ({ method }) => method === 'notifications/resources/updated',
      );
      expect(updated.params).toMatchObject({ uri: watchedUri });
      await session.notifications.find(
        ({ method }) => method === 'notifications/tools/list_changed',
      );
      await other.close();
    });

    test('is told when the client cancels', async () => {
      const controller = new AbortController();
      const call = session.call('test_wait', { durationMs: 60_000 }, { signal: controller.signal });
      controller.abort(new Error('changed my mind'));
      await expect(call).rejects.toThrow(/changed my mind/);
      await expect(session.call('test_simple_text')).resolves.toMatchObject({ isError: false });
    });

    test('serves many calls at once, each with its own answer', async () => {
      const durations = Array.from({ length: 20 }, (_, index) => (20 - index) * 5);
      const answers = await Promise.all(
        durations.map((durationMs) => session.call('test_wait', { durationMs })),
      );
      expect(answers.map(({ text }) => text)).toEqual(
        durations.map((durationMs) => `Waited ${durationMs} ms.`),
      );
    });
  });

  describe.each(clients.filter(([, , era]) => era === 'legacy'))(
    'in a session of %s',
    (_client, connect) => {
      test('ends the session with the client, and refuses it afterwards with 404', async () => {
        const session = await connect(route);
        const { sessionId } = session;
        await session.terminate();
        const answer = await fetch(route.url, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${route.apiKey}`,
            accept: 'application/json, text/event-stream',
            'content-type': 'application/json',
            'mcp-protocol-version': '2025-11-25',
            'mcp-session-id': String(sessionId),
          },
          body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
        });
        await answer.body?.cancel();
        expect(answer.status).toBe(404);
        await session.close();
      });

      test('gets an answer over a stream that it resumed', async () => {
        const session = await connect(route);
        const answer = await session.call('test_reconnection', {}, { timeoutMs: 10_000 });
        expect(answer.text).toBe('Answered after the stream was closed.');
        await session.close();
      });
    },
  );
});
