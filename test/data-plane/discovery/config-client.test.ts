import { readFile, writeFile } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { newCredential } from '../../../common/credential.ts';
import type { ConfigClientOptions } from '../../../data-plane/discovery/config-client.ts';
import { ControlPlaneDouble } from '../../support/control-plane-double.ts';
import {
  eventually,
  NodeDisk,
  type TestNode,
  testNode,
} from '../../support/control-plane-double-node.ts';
import {
  apiKey,
  organization,
  sealKeyRing,
  server,
  strangePolicy,
  withheld,
} from '../../support/control-plane-double-resources.ts';

const ring = sealKeyRing();
const acme = organization('acme');
const key = apiKey('keyAAAAAAAAA', 'acme');

let disk: NodeDisk;
let control: ControlPlaneDouble;
let nodes: TestNode[];

beforeEach(async () => {
  disk = await NodeDisk.make();
  control = await ControlPlaneDouble.start();
  nodes = [];
});

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.close()));
  control.close();
  await disk.remove();
});

async function startNode(more: Partial<ConfigClientOptions> = {}, addresses = [control.address]) {
  const node = await testNode(disk, addresses, more);
  nodes.push(node);
  const started = node.client.start();
  return { node, started };
}

/** A node that holds ring, organization and key at revision 5. */
async function syncedNode(more: Partial<ConfigClientOptions> = {}) {
  const { node, started } = await startNode(more);
  const stream = await control.nextConfigStream();
  await stream.hello();
  stream.welcome('epoch-1');
  stream.range({ from: 0, to: 5, resources: [ring, acme, key] });
  await stream.acknowledgment();
  await started;
  return { node, stream };
}

describe('a stream', () => {
  test('begins with the node’s token and what it holds', async () => {
    await startNode();
    const stream = await control.nextConfigStream();
    expect(`${stream.token}\n`).toBe(`Bearer ${await readFile(disk.credentialFile, 'utf8')}`);
    expect(await stream.hello()).toMatchObject({
      instanceId: 'instance-1',
      build: '1.0.0',
      epoch: '',
      revision: 0,
      digests: [],
      types: expect.arrayContaining(['Policy', 'RateLimit', 'Revocation', 'ApiKey']),
    });
    await nodes[0]?.close();
  });

  test('brings ranges into force as a whole, and acknowledges each', async () => {
    const { node, stream } = await syncedNode();
    expect(node.holder.current()).toMatchObject({ epoch: 'epoch-1', revision: 5 });
    stream.range({
      from: 5,
      to: 7,
      resources: [server('s', 'acme')],
      removed: [{ type: 'ApiKey', name: key.name }],
      set: [ring, acme, server('s', 'acme')],
    });
    expect(await stream.acknowledgment()).toEqual({ nonce: 'nonce-7', revision: 7, rejected: [] });
    expect(node.holder.current()?.apiKey(key.name)).toBeUndefined();
    expect(node.holder.current()?.server('acme', 's')?.id).toBe('s');
  });

  test('that ends in the middle of a range leaves the snapshot as it was', async () => {
    const { node, stream } = await syncedNode();
    const before = node.holder.current();
    const resources = [server('a', 'acme'), server('b', 'acme'), server('c', 'acme')];
    stream.range({ from: 5, to: 6, resources, chunkSize: 1 }, 2);
    stream.end();
    const next = await control.nextConfigStream();
    expect(await next.hello()).toMatchObject({ epoch: 'epoch-1', revision: 5 });
    expect(node.holder.current()).toBe(before);
    next.welcome('epoch-1');
    next.range({ from: 5, to: 6, resources, set: [ring, acme, key, ...resources], chunkSize: 1 });
    expect(await next.acknowledgment()).toMatchObject({ revision: 6, rejected: [] });
    expect(node.holder.current()?.server('acme', 'c')?.id).toBe('c');
  });

  test('gets a NACK that names what can’t be used, and the rest is in force', async () => {
    const { node, stream } = await syncedNode();
    const bad = server('bad', 'acme', { endpoints: [] });
    const good = server('good', 'acme');
    stream.range({ from: 5, to: 6, resources: [bad, good], set: [ring, acme, key, bad, good] });
    expect(await stream.acknowledgment()).toEqual({
      nonce: 'nonce-6',
      revision: 6,
      rejected: [
        {
          type: 'Server',
          name: 'bad',
          version: bad.version,
          path: 'endpoints',
          message: 'must have 1 to 64 items',
        },
      ],
    });
    expect(node.holder.current()?.server('acme', 'good')?.id).toBe('good');
    expect(node.holder.current()?.server('acme', 'bad')).toBeUndefined();
  });

  test('opens again with what is refused from before in its first acknowledgment', async () => {
    const { stream } = await syncedNode();
    const rule = strangePolicy('p', 'acme');
    stream.range({ from: 5, to: 6, resources: [rule], set: [ring, acme, key, rule] });
    expect((await stream.acknowledgment()).rejected).toHaveLength(1);
    stream.end();
    const next = await control.nextConfigStream();
    await next.hello();
    next.welcome('epoch-1');
    next.range({ from: 6, to: 6, set: [ring, acme, key, rule] });
    expect((await next.acknowledgment()).rejected).toMatchObject([{ type: 'Policy', name: 'p' }]);
    next.range({ from: 6, to: 7, set: [ring, acme, key, rule] });
    expect((await next.acknowledgment()).rejected).toEqual([]);
  });

  test('answers a request for versions in chunks', async () => {
    const { node, started } = await startNode();
    const stream = await control.nextConfigStream();
    await stream.hello();
    const keys = Array.from({ length: 2500 }, (_, index) =>
      apiKey(String(index).padStart(12, '0'), 'acme'),
    );
    stream.welcome('epoch-1');
    stream.range({ from: 0, to: 1, resources: [ring, ...keys] });
    await stream.acknowledgment();
    await started;
    stream.send({ versionListRequest: { types: ['ApiKey', 'Server'] } });
    const versions = new Map<string, string>();
    for (let last = false; !last; ) {
      const { versionList } = await stream.next();
      expect(versionList?.type).toBe('ApiKey');
      for (const { name, version } of versionList?.resources ?? []) versions.set(name, version);
      last = versionList?.last ?? true;
    }
    expect(versions).toEqual(new Map(keys.map(({ name, version }) => [name, version])));
    expect((await stream.next()).versionList).toEqual({
      type: 'Server',
      resources: [],
      last: true,
    });
    expect(node.client.state().revision).toBe(1);
  });

  test('never rolls a node back, whatever a replica that lags sends', async () => {
    const { node, stream } = await syncedNode();
    stream.range({ from: 0, to: 4, resources: [ring, acme, key] });
    const next = await control.nextConfigStream();
    expect(await next.hello()).toMatchObject({ epoch: 'epoch-1', revision: 5 });
    expect(node.holder.current()?.revision).toBe(5);
    expect(node.client.status().lastError).toContain('rolled back');
    expect(stream.unread).toBe(0);
  });

  test('of another epoch is followed, also to a lower revision', async () => {
    const { node, stream } = await syncedNode();
    stream.end();
    const next = await control.nextConfigStream();
    expect(await next.hello()).toMatchObject({ epoch: 'epoch-1', revision: 5 });
    next.welcome('epoch-2', { epochChanged: true });
    next.range({
      from: 5,
      to: 2,
      removed: [{ type: 'ApiKey', name: key.name }],
      set: [ring, acme],
    });
    await next.acknowledgment();
    expect(node.holder.current()).toMatchObject({ epoch: 'epoch-2', revision: 2 });
    expect(node.holder.current()?.apiKey(key.name)).toBeUndefined();
    expect(node.holder.current()?.organization('acme')?.id).toBe('acme');
  });

  test('whose digests differ is opened again from nothing, and what it doesn’t name is gone', async () => {
    const { node, stream } = await syncedNode();
    const before = node.holder.current();
    stream.range({ from: 5, to: 6, set: [ring, acme] });
    const next = await control.nextConfigStream();
    expect(await next.hello()).toMatchObject({ epoch: '', revision: 0, digests: [] });
    expect(node.holder.current()).toBe(before);
    next.welcome('epoch-1');
    next.range({ from: 0, to: 6, resources: [ring, acme] });
    expect(await next.acknowledgment()).toMatchObject({ revision: 6 });
    expect(node.holder.current()?.apiKey(key.name)).toBeUndefined();
    expect(node.holder.current()?.revision).toBe(6);
    expect(stream.unread).toBe(0);
  });

  test('that falls silent is given up for another', async () => {
    const { stream } = await syncedNode();
    stream.end();
    const next = await control.nextConfigStream();
    await next.hello();
    next.welcome('epoch-1', { heartbeatIntervalMs: 100 });
    const third = await control.nextConfigStream();
    expect(await third.hello()).toMatchObject({ revision: 5 });
    await next.gone;
  });

  test('tells how old the node’s knowledge is, whatever the control plane’s clock says', async () => {
    let nowMs = 1000;
    const { node, stream } = await syncedNode({ now: () => nowMs });
    expect(node.client.status().stalenessMs).toBeUndefined();
    stream.heartbeat(5_000_000, 5_000_300, 5);
    await eventually(() => node.client.status().stalenessMs === 300, 'staleness');
    nowMs += 700;
    expect(node.client.status().stalenessMs).toBe(1000);
  });
});

describe('a refused node', () => {
  test('says so, serves on, and comes back at once when its token is replaced', async () => {
    const { node, stream } = await syncedNode();
    stream.fail(status.UNAUTHENTICATED, 'the token was revoked');
    await eventually(() => node.client.status().connection === 'refused', 'the refusal');
    expect(node.client.status().lastError).toBe('the token was revoked');
    expect(node.holder.current()?.revision).toBe(5);
    const rotated = newCredential('nodeToken').text;
    await disk.writeToken(rotated);
    const next = await control.nextConfigStream();
    expect(next.token).toBe(`Bearer ${rotated}`);
  });

  test('uses a rotated token without being told to', async () => {
    const { stream } = await syncedNode();
    const rotated = newCredential('nodeToken').text;
    await disk.writeToken(rotated);
    await stream.gone;
    const next = await control.nextConfigStream();
    expect(next.token).toBe(`Bearer ${rotated}`);
    expect(await next.hello()).toMatchObject({ revision: 5 });
  });
});

describe('several replicas', () => {
  test('are tried in turn', async () => {
    const other = await ControlPlaneDouble.start();
    try {
      const { started } = await startNode({}, ['127.0.0.1:1', other.address]);
      const stream = await other.nextConfigStream();
      stream.welcome('epoch-1');
      stream.range({ from: 0, to: 1, resources: [ring] });
      await started;
      expect(nodes[0]?.holder.current()?.revision).toBe(1);
      await nodes[0]?.close();
    } finally {
      other.close();
    }
  });
});

describe('the disk cache', () => {
  async function restartWithoutControlPlane(more: Partial<ConfigClientOptions> = {}) {
    await nodes[0]?.close();
    control.close();
    const { node, started } = await startNode({ startWaitMs: 50, ...more });
    await started;
    return node;
  }

  test('lets a node start with the control plane down, and go on from there', async () => {
    await syncedNode();
    const node = await restartWithoutControlPlane();
    expect(node.holder.current()).toMatchObject({ epoch: 'epoch-1', revision: 5 });
    expect(node.holder.current()?.apiKey(key.name)?.organizationId).toBe('acme');
    expect(node.client.status().fromCache).toBe(true);
    control = await ControlPlaneDouble.start({ port: control.port });
    const stream = await control.nextConfigStream();
    expect(await stream.hello()).toMatchObject({ epoch: 'epoch-1', revision: 5 });
    stream.welcome('epoch-1');
    stream.range({ from: 5, to: 5, set: [ring, acme, key] });
    await stream.acknowledgment();
    expect(node.client.status().fromCache).toBe(false);
  });

  test('is not served from before the stream had its time', async () => {
    await syncedNode();
    await nodes[0]?.close();
    const { node, started } = await startNode({ startWaitMs: 5000 });
    const stream = await control.nextConfigStream();
    await stream.hello();
    expect(node.holder.current()).toBeUndefined();
    stream.welcome('epoch-1');
    stream.range({
      from: 5,
      to: 6,
      removed: [{ type: 'ApiKey', name: key.name }],
      set: [ring, acme],
    });
    await started;
    expect(node.holder.current()?.revision).toBe(6);
    expect(node.holder.current()?.apiKey(key.name)).toBeUndefined();
  });

  test('carries what fails closed, also what was withheld', async () => {
    const { stream } = await syncedNode();
    const refused = strangePolicy('p', 'acme', ['s']);
    const hidden = withheld(strangePolicy('q', 'other'));
    stream.range({
      from: 5,
      to: 6,
      resources: [refused, hidden],
      set: [ring, acme, key, refused, hidden],
    });
    expect((await stream.acknowledgment()).rejected).toHaveLength(2);
    const node = await restartWithoutControlPlane();
    expect(node.holder.current()?.failClosed('acme', 's')?.name).toBe('p');
    expect(node.holder.current()?.failClosed('acme', 't')).toBeUndefined();
    expect(node.holder.current()?.failClosed('other', 's')?.name).toBe('q');
  });

  test('makes another build ask again for what the one before refused', async () => {
    const { stream } = await syncedNode();
    const rule = withheld(strangePolicy('p', 'acme'));
    stream.range({ from: 5, to: 6, resources: [rule], set: [ring, acme, key, rule] });
    await stream.acknowledgment();
    await nodes[0]?.close();
    const { started } = await startNode({ build: '2.0.0' });
    const next = await control.nextConfigStream();
    const { digests } = await next.hello();
    expect(digests.map(({ type }) => type).sort()).toEqual([
      'ApiKey',
      'Organization',
      'SealKeyRing',
    ]);
    next.welcome('epoch-1');
    const offered = strangePolicy('p', 'acme');
    next.range({ from: 6, to: 6, resources: [offered], set: [ring, acme, key, offered] });
    expect((await next.acknowledgment()).rejected).toMatchObject([{ name: 'p' }]);
    await started;
    expect(nodes[1]?.holder.current()?.failClosed('acme', 's')?.name).toBe('p');
  });

  test('follows a rotated token', async () => {
    await syncedNode();
    const before = await readFile(disk.cacheFile).catch(() => Buffer.alloc(0));
    await disk.writeToken(newCredential('nodeToken').text);
    await control.nextConfigStream();
    await eventually(() => nodes[0]?.client.status().cachedRevision === 5, 'the cache');
    const node = await restartWithoutControlPlane();
    expect(node.holder.current()?.revision).toBe(5);
    expect((await readFile(disk.cacheFile)).equals(before)).toBe(false);
  });

  test.each([
    [
      'a flipped bit',
      (bytes: Buffer) => bytes.fill((bytes.at(-30) ?? 0) ^ 1, bytes.length - 30, bytes.length - 29),
    ],
    ['a lost end', (bytes: Buffer) => bytes.subarray(0, -24)],
    [
      'other content',
      () => Buffer.from('something else that is long enough to have a head of its own, and more'),
    ],
    ['nothing', () => Buffer.alloc(0)],
  ])('with %s is ignored, and the node starts without', async (_what, damage) => {
    await syncedNode();
    await nodes[0]?.close();
    await writeFile(disk.cacheFile, damage(await readFile(disk.cacheFile)));
    const node = await restartWithoutControlPlane();
    expect(node.holder.current()).toBeUndefined();
    expect(node.client.state().revision).toBe(0);
  });

  test('that another credential sealed is ignored', async () => {
    await syncedNode();
    await nodes[0]?.close();
    await disk.writeToken(newCredential('nodeToken').text);
    const node = await restartWithoutControlPlane();
    expect(node.holder.current()).toBeUndefined();
  });

  test('holds no secret in the clear', async () => {
    await syncedNode();
    await nodes[0]?.close();
    const bytes = await readFile(disk.cacheFile);
    expect(bytes.includes(Buffer.alloc(32, 1))).toBe(false);
    expect(bytes.includes('acme')).toBe(false);
  });
});

describe('plaintext', () => {
  test.each(['10.0.0.1:4001', 'control.example.com:4001', '[2001:db8::1]:4001'])(
    'to %s is refused',
    async (address) => {
      await expect(testNode(disk, [address])).rejects.toThrow('needs TLS');
    },
  );

  test.each(['127.0.0.1:4001', 'localhost:4001', '[::1]:4001'])(
    'to %s is taken',
    async (address) => {
      nodes.push(await testNode(disk, [address]));
    },
  );
});
