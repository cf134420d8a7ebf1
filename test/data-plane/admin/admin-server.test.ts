import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { type AdminServer, createAdminServer } from '../../../data-plane/admin/admin-server.ts';
import { createReporter } from '../../../data-plane/events/reporter.ts';
import type { Spool } from '../../../data-plane/events/spool.ts';
import { type ConfigStreamDouble, ControlPlaneDouble } from '../../support/control-plane-double.ts';
import { callRecord } from '../../support/control-plane-double-events.ts';
import {
  NodeDisk,
  quiet,
  type TestNode,
  testNode,
  testSpool,
} from '../../support/control-plane-double-node.ts';
import {
  apiKey,
  organization,
  policy,
  sealKeyRing,
  server,
  strangePolicy,
} from '../../support/control-plane-double-resources.ts';

let disk: NodeDisk;
let control: ControlPlaneDouble;
let node: TestNode;
let stream: ConfigStreamDouble;
let spool: Spool;
let admin: AdminServer;
let port: number;
let draining: boolean;

beforeEach(async () => {
  disk = await NodeDisk.make();
  control = await ControlPlaneDouble.start();
  node = await testNode(disk, [control.address]);
  spool = await testSpool(disk.spoolFolder);
  draining = false;
  const reporter = createReporter({
    connection: { addresses: [control.address], tls: undefined },
    credential: node.credential,
    spool,
    batchEventsMax: 10,
    batchBytesMax: 64 * 1024,
    batchesInFlightMax: 2,
    acknowledgmentTimeoutMs: 5000,
    reconnectFirstMs: 10,
    reconnectMaxMs: 50,
    refusedRetryMs: 60_000,
    logger: quiet,
    random: Math.random,
  });
  admin = createAdminServer({
    host: '127.0.0.1',
    port: 0,
    allowedHosts: ['node-1.internal'],
    registry: new Registry(),
    build: '1.0.0',
    isDraining: () => draining,
    logger: quiet,
    snapshots: node.holder,
    configClient: node.client,
    spool,
    reporter,
  });
  ({ port } = await admin.start());
});

afterEach(async () => {
  await admin.close();
  await node.close();
  await spool.close();
  control.close();
  await disk.remove();
});

async function synced(): Promise<void> {
  const started = node.client.start();
  stream = await control.nextConfigStream();
  stream.welcome('epoch-1');
  const good = server('s', 'acme', {
    endpoints: [{ id: 'e', url: 'https://127.0.0.1/mcp?api_key=s3cret-query', weight: 1 }],
    credential: { header: 'authorization', value: 'Bearer s3cret-credential' },
  });
  stream.range({
    from: 0,
    to: 4,
    resources: [sealKeyRing(), organization('acme'), apiKey('keyAAAAAAAAA', 'acme'), good],
  });
  await started;
  const bad = server('s', 'acme', { endpoints: [] });
  const rule = strangePolicy('p', 'acme', ['t']);
  const usable = policy('q', 'acme', { tools: ['delete_*'], condition: 'args.x == 1' });
  const rest = [sealKeyRing(), organization('acme'), apiKey('keyAAAAAAAAA', 'acme')];
  const now = [bad, rule, usable];
  stream.range({ from: 4, to: 5, resources: now, set: [...rest, ...now] });
  await node.snapshot(({ revision }) => revision === 5);
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function ask(path: string, more: { method?: string; host?: string } = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { method = 'GET', host = `127.0.0.1:${port}` } = more;
  const asked = request(
    { host: '127.0.0.1', port, path, method, headers: { host } },
    (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    },
  );
  asked.on('error', reject);
  asked.end();
  return promise;
}

describe('the admin server', () => {
  test('is alive before it is ready, and says why it isn’t', async () => {
    expect((await ask('/healthz')).status).toBe(200);
    const before = await ask('/readyz');
    expect(before.status).toBe(503);
    expect(JSON.parse(before.text)).toMatchObject({ ready: false, reasons: ['no_configuration'] });
    await synced();
    const ready = await ask('/readyz');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.text)).toMatchObject({ ready: true, revision: 5, epoch: 'epoch-1' });
    draining = true;
    const after = await ask('/readyz');
    expect(after.status).toBe(503);
    expect(JSON.parse(after.text)).toMatchObject({ reasons: ['draining'] });
    expect((await ask('/healthz')).status).toBe(200);
  });

  test('dumps what the node holds, refused resources and the versions that serve instead', async () => {
    await synced();
    const dump = JSON.parse((await ask('/config_dump')).text);
    expect(dump).toMatchObject({
      epoch: 'epoch-1',
      revision: 5,
      inForce: { revision: 5 },
      discovery: { connection: 'connected', nodeName: 'node-1', fromCache: false },
      refusedCount: 2,
    });
    const [badServer] = dump.refused.filter(({ type }: { type: string }) => type === 'Server');
    expect(badServer).toMatchObject({
      name: 's',
      path: 'endpoints',
      message: 'must have 1 to 64 items',
    });
    expect(badServer.lastGoodVersion).not.toBe(badServer.version);
    expect(badServer.lastGoodVersion).toHaveLength(32);
    const [rule] = dump.refused.filter(({ type }: { type: string }) => type === 'Policy');
    expect(rule).toMatchObject({ effect: 'denies what its scope targets', lastGoodVersion: null });
  });

  test('shows no secret, whatever type is listed', async () => {
    await synced();
    const texts = await Promise.all(
      ['Organization', 'ApiKey', 'Server', 'SealKeyRing', 'Policy', 'Unknown'].map(
        async (type) => (await ask(`/config_dump?type=${type}`)).text,
      ),
    );
    const text = texts.join();
    expect(text).toContain('keyAAAAAAAAA');
    expect(text).toContain('https://127.0.0.1/mcp');
    expect(text).not.toContain('s3cret');
    expect(text).not.toContain(Buffer.alloc(32, 1).toString('hex'));
    expect(text).not.toContain(Buffer.alloc(32, 1).toString('base64'));
    const hash = node.holder.current()?.apiKey('keyAAAAAAAAA')?.secretHash ?? Buffer.alloc(0);
    expect(text).not.toContain(Buffer.from(hash).toString('hex'));
    expect(text).not.toContain([...hash].join(','));
    expect(text).not.toContain(node.credential.token());
  });

  test('shows what policies say, and which can’t be used', async () => {
    await synced();
    const { text } = await ask('/config_dump?type=Policy');
    const { resources } = JSON.parse(text) as { resources: { name: string; value: object }[] };
    const byName = new Map(resources.map(({ name, value }) => [name, value]));
    expect(byName.get('p')).toBeNull();
    expect(byName.get('q')).toMatchObject({
      effect: 'deny',
      mode: 'enforce',
      targets: { tools: ['delete_*'] },
      condition: 'args.x == 1',
    });
  });

  test('counts what the node does', async () => {
    await synced();
    spool.record(callRecord('a'));
    const { text } = await ask('/metrics');
    const value = (name: string): string | undefined =>
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1];
    expect(value('mcpgw_config_revision')).toBe('5');
    expect(value('mcpgw_config_connected')).toBe('1');
    expect(value('mcpgw_config_staleness_seconds')).toBe('-1');
    expect(value('mcpgw_config_refused_resources')).toBe('2');
    expect(value('mcpgw_config_resources{type="ApiKey"}')).toBe('1');
    expect(value('mcpgw_spool_recorded_total')).toBe('1');
    expect(value('mcpgw_spool_waiting_events')).toBe('1');
    expect(value('mcpgw_reporter_connected')).toBe('0');
  });

  test('takes one CPU profile at a time, of a bounded length', async () => {
    const [first, second] = await Promise.all([
      ask('/debug/profile?seconds=0.3'),
      ask('/debug/profile?seconds=0.3'),
    ]);
    expect([first.status, second.status].sort()).toEqual([200, 409]);
    const profile = JSON.parse(first.status === 200 ? first.text : second.text);
    expect(profile.nodes.length).toBeGreaterThan(0);
    for (const seconds of ['31', '0', '-1', 'x']) {
      expect((await ask(`/debug/profile?seconds=${seconds}`)).status).toBe(400);
    }
    expect((await ask('/debug/profile?seconds=0.01')).status).toBe(200);
  });

  test('answers only to names of its own, to GET, and for pages that it has', async () => {
    expect((await ask('/config_dump', { host: 'attacker.example' })).status).toBe(403);
    expect((await ask('/healthz', { host: 'localhost:8081' })).status).toBe(200);
    expect((await ask('/healthz', { host: '[::1]:8081' })).status).toBe(200);
    expect((await ask('/healthz', { host: 'node-1.internal' })).status).toBe(200);
    expect((await ask('/healthz', { method: 'POST' })).status).toBe(405);
    expect((await ask('/healthz', { method: 'HEAD' })).text).toBe('');
    expect((await ask('/nothing')).status).toBe(404);
  });
});
