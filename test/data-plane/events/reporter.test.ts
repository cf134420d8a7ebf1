import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { newCredential } from '../../../common/credential.ts';
import type { NodeCredential } from '../../../data-plane/connection/node-credential.ts';
import { createReporter, type Reporter } from '../../../data-plane/events/reporter.ts';
import type { Spool } from '../../../data-plane/events/spool.ts';
import type { SpoolOptions } from '../../../data-plane/events/spool-options.ts';
import { ControlPlaneDouble, type EventStreamDouble } from '../../support/control-plane-double.ts';
import { callIds, callRecord } from '../../support/control-plane-double-events.ts';
import { eventually, NodeDisk, quiet, testSpool } from '../../support/control-plane-double-node.ts';

let disk: NodeDisk;
let control: ControlPlaneDouble;
let credential: NodeCredential;
let spool: Spool;
let reporter: Reporter;

async function begin(
  options: { spool?: Partial<SpoolOptions>; acknowledgmentTimeoutMs?: number } = {},
): Promise<void> {
  spool = await testSpool(disk.spoolFolder, options.spool);
  reporter = createReporter({
    connection: { addresses: [control.address], tls: undefined },
    credential,
    spool,
    batchEventsMax: 10,
    batchBytesMax: 64 * 1024,
    batchesInFlightMax: 2,
    acknowledgmentTimeoutMs: options.acknowledgmentTimeoutMs ?? 5000,
    reconnectFirstMs: 10,
    reconnectMaxMs: 50,
    refusedRetryMs: 60_000,
    logger: quiet,
    random: Math.random,
  });
  reporter.start();
}

beforeEach(async () => {
  disk = await NodeDisk.make();
  control = await ControlPlaneDouble.start();
  credential = await disk.credential();
});

afterEach(async () => {
  await reporter.close();
  await spool.close();
  credential.close();
  control.close();
  await disk.remove();
});

function recordMany(prefix: string, count: number): string[] {
  const ids = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
  for (const id of ids) spool.record(callRecord(id));
  return ids;
}

/** Takes and acknowledges batches until `count` calls have come. */
async function takeCalls(stream: EventStreamDouble, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const { spoolId, events } = await stream.next();
    ids.push(...callIds(events));
    stream.acknowledge(spoolId, events.at(-1)?.sequence ?? 0);
  }
  return ids;
}

describe('the reporter', () => {
  test('sends what is recorded under the node’s token, in order, and empties the spool', async () => {
    await begin();
    const ids = recordMany('a', 95);
    const stream = await control.nextEventStream();
    expect(stream.token).toBe(`Bearer ${credential.token()}`);
    expect(await takeCalls(stream, 95)).toEqual(ids);
    expect(await reporter.drain(5000)).toBe(true);
    expect(spool.acknowledgedSequence).toBe(95);
    expect(reporter.status()).toMatchObject({ connected: true, eventsTotal: 95 });
  });

  test('sends a record within 100 ms', async () => {
    await begin({ spool: { syncIntervalMs: 20 } });
    const stream = await control.nextEventStream();
    recordMany('warm', 1);
    await takeCalls(stream, 1);
    const startedAt = performance.now();
    recordMany('a', 1);
    await takeCalls(stream, 1);
    expect(performance.now() - startedAt).toBeLessThan(100);
  });

  test('has no more batches in flight than it may', async () => {
    await begin();
    recordMany('a', 100);
    await spool.flushed();
    const stream = await control.nextEventStream();
    const first = await stream.next();
    const second = await stream.next();
    expect(first.events).toHaveLength(10);
    expect(reporter.status().batchesTotal).toBe(2);
    expect(stream.unread).toBe(0);
    stream.acknowledge(second.spoolId, second.events.at(-1)?.sequence ?? 0);
    expect((await stream.next()).events[0]?.call?.callId).toBe('a-20');
  });

  test('sends again after a lost stream what wasn’t acknowledged, and nothing else', async () => {
    await begin();
    const ids = recordMany('a', 40);
    const stream = await control.nextEventStream();
    const first = await stream.next();
    await stream.next();
    stream.acknowledge(first.spoolId, first.events.at(-1)?.sequence ?? 0);
    await eventually(() => spool.acknowledgedSequence === 10, 'the acknowledgment');
    const port = control.port;
    control.close();
    control = await ControlPlaneDouble.start({ port });
    const next = await control.nextEventStream();
    expect(await takeCalls(next, 30)).toEqual(ids.slice(10));
  });

  test('sends in the next process what the last one left', async () => {
    await begin();
    await control.nextEventStream();
    const ids = recordMany('a', 25);
    await reporter.close();
    await spool.close();
    await begin();
    const stream = await control.nextEventStream();
    expect(await takeCalls(stream, 25)).toEqual(ids);
  });

  test('gives a stream up that owes an acknowledgment for too long', async () => {
    await begin({ acknowledgmentTimeoutMs: 50 });
    recordMany('a', 1);
    const stream = await control.nextEventStream();
    await stream.next();
    const next = await control.nextEventStream();
    expect(await takeCalls(next, 1)).toEqual(['a-0']);
  });

  test('keeps everything while its token is refused, and goes on with the next one', async () => {
    await begin();
    const stream = await control.nextEventStream();
    stream.fail(status.UNAUTHENTICATED, 'the token was revoked');
    await eventually(() => reporter.status().lastError !== '', 'the refusal');
    const ids = recordMany('a', 15);
    const rotated = newCredential('nodeToken').text;
    await disk.writeToken(rotated);
    const next = await control.nextEventStream();
    expect(next.token).toBe(`Bearer ${rotated}`);
    expect(await takeCalls(next, 15)).toEqual(ids);
  });
});
