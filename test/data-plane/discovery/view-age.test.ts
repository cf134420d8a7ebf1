import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ConfigClientOptions } from '../../../data-plane/discovery/config-client.ts';
import { ControlPlaneDouble } from '../../support/control-plane-double.ts';
import {
  eventually,
  NodeDisk,
  type TestNode,
  testNode,
} from '../../support/control-plane-double-node.ts';
import { organization, sealKeyRing } from '../../support/control-plane-double-resources.ts';

const resources = [sealKeyRing(), organization('acme')];
const minute = 60_000;

let disk: NodeDisk;
let control: ControlPlaneDouble;
let nodes: TestNode[];
/** Monotonic time of the process, uptime of the machine and its wall clock. */
let clock: { now: number; uptimeMs: number; wallMs: number };

function pass(ms: number): void {
  clock.now += ms;
  clock.uptimeMs += ms;
  clock.wallMs += ms;
}

const machineClock = {
  nowMs: () => clock.wallMs,
  uptimeMs: () => clock.uptimeMs,
  bootId: 'boot-1',
};

beforeEach(async () => {
  disk = await NodeDisk.make();
  control = await ControlPlaneDouble.start();
  nodes = [];
  clock = { now: 1000, uptimeMs: 5000 * minute, wallMs: 9000 * minute };
});

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.close()));
  control.close();
  await disk.remove();
});

async function startNode(more: Partial<ConfigClientOptions> = {}, addresses = [control.address]) {
  const node = await testNode(disk, addresses, { now: () => clock.now, machineClock, ...more });
  nodes.push(node);
  return { node, started: node.client.start() };
}

/** A node that holds revision 5, and has heard nothing of its age. */
async function syncedNode() {
  const { node, started } = await startNode();
  const stream = await control.nextConfigStream();
  await stream.hello();
  stream.welcome('epoch-1');
  stream.range({ from: 0, to: 5, resources });
  await stream.acknowledgment();
  await started;
  return { node, stream };
}

/** The same node, started from its disk with the control plane down. */
async function restartAlone(): Promise<TestNode> {
  const { node, started } = await startNode({ startWaitMs: 1 }, ['127.0.0.1:1']);
  await started;
  expect(node.holder.current()?.revision).toBe(5);
  return node;
}

describe('the age of a view', () => {
  test('counts from a read of the feed that found nothing which the node lacks', async () => {
    const { node, stream } = await syncedNode();
    stream.heartbeat(1000, 1300, 5);
    await eventually(() => node.client.viewAgeMs() === 300, 'the age');
    // A write that seemed to take a minute would make the next one wait for twenty.
    await eventually(() => node.client.status().cachedRevision === 5, 'the cache');
    pass(minute);
    // The control plane is further by now: that it is alive makes the view no younger.
    stream.heartbeat(70_000, 70_000, 6);
    stream.range({ from: 5, to: 5, set: resources });
    await stream.acknowledgment();
    expect(node.client.viewAgeMs()).toBe(minute + 300);
    pass(1000);
    stream.range({ from: 5, to: 6, set: resources });
    await stream.acknowledgment();
    // Counted from the heartbeat that spoke of what has now arrived.
    expect(node.client.viewAgeMs()).toBe(1000);
  });

  test('outlives the process, and the time in between counts', async () => {
    const { node, stream } = await syncedNode();
    stream.heartbeat(1000, 1300, 5);
    await eventually(() => node.client.viewAgeMs() === 300, 'the age');
    pass(700);
    await node.close();
    pass(10 * minute);
    // A wall clock that is set back makes nothing younger.
    clock.wallMs -= 1000 * minute;
    const again = await restartAlone();
    expect(again.client.viewAgeMs()).toBe(10 * minute + 1000);
    expect(again.client.status()).toMatchObject({ fromCache: true, stalenessMs: 601_000 });
  });

  test('is not known before the control plane was heard of, also after a restart', async () => {
    const { node } = await syncedNode();
    expect(node.client.viewAgeMs()).toBeUndefined();
    await node.close();
    expect((await restartAlone()).client.viewAgeMs()).toBeUndefined();
  });

  test('is not known of a cache that was replaced by an older one', async () => {
    const { node, stream } = await syncedNode();
    await eventually(() => node.client.status().cachedRevision === 5, 'the cache');
    const older = await readFile(disk.cacheFile);
    stream.range({ from: 5, to: 6, set: resources });
    await stream.acknowledgment();
    stream.heartbeat(1000, 1000, 6);
    await eventually(() => node.client.viewAgeMs() === 0, 'the age');
    await node.close();
    await writeFile(disk.cacheFile, older);
    expect((await restartAlone()).client.viewAgeMs()).toBeUndefined();
  });

  test('comes back with the first heartbeat of a node that started from its cache', async () => {
    const { node } = await syncedNode();
    await node.close();
    const { node: again, started } = await startNode();
    const stream = await control.nextConfigStream();
    await stream.hello();
    stream.welcome('epoch-1');
    // Before the first range nothing is known to be current.
    stream.heartbeat(1000, 1000, 5);
    stream.range({ from: 5, to: 5, set: resources });
    await stream.acknowledgment();
    await started;
    expect(again.client.viewAgeMs()).toBe(0);
  });
});
