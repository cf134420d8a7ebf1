import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ClientRoute, GatewayUnderTest } from '../support/client-gateway.ts';
import { clients, providers, startTimeoutMs } from '../support/client-providers.ts';
import type { ClientSession } from '../support/client-session.ts';
import { type FilesystemUpstream, startBridgedFilesystem } from '../support/client-upstreams.ts';

describe.each(providers)('server-filesystem behind mcp-proxy %s', (_provider, startGateway) => {
  let upstream: FilesystemUpstream;
  let gateway: GatewayUnderTest;
  let route: ClientRoute;

  beforeAll(async () => {
    upstream = await startBridgedFilesystem();
    gateway = await startGateway({ allowedHosts: [] });
    route = await gateway.serve({ slug: 'filesystem', url: upstream.url });
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

    test('is reached in the client’s era and lists 14 tools', async () => {
      expect(session.era).toBe(era);
      expect(await session.toolNames()).toHaveLength(14);
    });

    test('reads and writes files of its folder', async () => {
      const hello = path.join(upstream.folder, 'hello.txt');
      expect((await session.call('read_text_file', { path: hello })).text).toBe('hello');
      const written = path.join(upstream.folder, `${era}.txt`);
      await session.call('write_file', { path: written, content: 'grüezi' });
      expect(await readFile(written, 'utf8')).toBe('grüezi');
    });

    test('refuses a path outside, as a tool’s error', async () => {
      const answer = await session.call('read_text_file', { path: '/etc/passwd' });
      expect(answer).toMatchObject({ isError: true });
      expect(answer.text).toMatch(/outside allowed directories/);
    });
  });
});
