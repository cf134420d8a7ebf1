import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { ClientRoute, GatewayUnderTest } from '../support/client-gateway.ts';
import { type InspectorEra, runInspector } from '../support/client-inspector.ts';
import { providers, startTimeoutMs } from '../support/client-providers.ts';
import {
  type FilesystemUpstream,
  startBridgedFilesystem,
  startReference,
  startServerEverything,
  type UpstreamProcess,
} from '../support/client-upstreams.ts';

const toolList = z.object({ result: z.object({ tools: z.array(z.object({ name: z.string() })) }) });
const callResult = z.object({
  result: z.object({ content: z.array(z.object({ text: z.string() })) }),
});

describe.each(providers)('the Inspector’s command line %s', (_provider, startGateway) => {
  let upstreams: {
    everything: UpstreamProcess;
    filesystem: FilesystemUpstream;
    reference: UpstreamProcess;
  };
  let gateway: GatewayUnderTest;
  let routes: Record<'everything' | 'filesystem' | 'reference', ClientRoute>;

  beforeAll(async () => {
    const [everything, filesystem, reference] = await Promise.all([
      startServerEverything(),
      startBridgedFilesystem(),
      startReference(),
    ]);
    upstreams = { everything, filesystem, reference };
    gateway = await startGateway({ allowedHosts: [] });
    routes = {
      everything: await gateway.serve({ slug: 'everything', url: everything.url }),
      filesystem: await gateway.serve({ slug: 'filesystem', url: filesystem.url }),
      reference: await gateway.serve({ slug: 'reference', url: reference.url }),
    };
  }, startTimeoutMs);

  afterAll(async () => {
    await gateway.close();
    await Promise.all(Object.values(upstreams).map((upstream) => upstream.stop()));
  });

  test.each<[keyof typeof routes, InspectorEra, number]>([
    // 13, and get-roots-list, because the Inspector declares that it has roots.
    ['everything', 'legacy', 14],
    // The modern probe is refused in a way that lets the client fall back to initialize.
    ['everything', 'auto', 14],
    ['filesystem', 'legacy', 14],
    ['filesystem', 'auto', 14],
    ['filesystem', 'modern', 14],
    ['reference', 'legacy', 31],
    ['reference', 'auto', 31],
    ['reference', 'modern', 31],
  ])('lists the tools of %s (%s era): %i', async (server, era, count) => {
    const { stdout, stderr, exitCode } = await runInspector(routes[server], era, ['tools/list']);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(toolList.parse(JSON.parse(stdout)).result.tools).toHaveLength(count);
  });

  test.each<InspectorEra>(['legacy', 'auto'])(
    'calls a tool of everything (%s era)',
    async (era) => {
      const method = ['tools/call', '--tool-name', 'echo', '--tool-arg', 'message=hello'];
      const { stdout } = await runInspector(routes.everything, era, method);
      expect(callResult.parse(JSON.parse(stdout)).result.content[0]?.text).toBe('Echo: hello');
    },
  );

  test.each<InspectorEra>(['legacy', 'auto', 'modern'])(
    'calls a tool of filesystem (%s era)',
    async (era) => {
      const file = path.join(upstreams.filesystem.folder, 'hello.txt');
      const method = ['tools/call', '--tool-name', 'read_text_file', '--tool-arg', `path=${file}`];
      const { stdout } = await runInspector(routes.filesystem, era, method);
      expect(callResult.parse(JSON.parse(stdout)).result.content[0]?.text).toBe('hello');
    },
  );

  test('says that a modern-only client can’t use a legacy server', async () => {
    const { exitCode, stderr } = await runInspector(routes.everything, 'modern', ['tools/list']);
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/era|version|negotiat/i);
  });
});
