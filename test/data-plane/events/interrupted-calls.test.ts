import { cp, mkdtemp, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Spool } from '../../../data-plane/events/spool.ts';
import { callRecord, readSpool } from '../../support/control-plane-double-events.ts';
import { testSpool } from '../../support/control-plane-double-node.ts';

const table = 'open-calls.table';

let folder: string;
let copies = 0;
const open: Spool[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mcpgw-interrupted-'));
});

afterEach(async () => {
  for (const spool of open.splice(0)) await spool.close();
  await rm(folder, { recursive: true, force: true });
});

async function start(where: string): Promise<Spool> {
  const spool = await testSpool(where);
  open.push(spool);
  return spool;
}

/** The folder as a process leaves it that is killed now. */
async function killed(where: string): Promise<string> {
  copies += 1;
  const copy = path.join(folder, `copy-${copies}`);
  await cp(where, copy, { recursive: true, filter: (file) => !file.includes('lock.sqlite') });
  return copy;
}

async function recorded(spool: Spool): Promise<unknown[]> {
  await spool.flushed();
  const events = await readSpool(spool);
  return events.map(({ call }) => [call?.callId, call?.phase, call?.outcome]);
}

const begun = { phase: 'CALL_PHASE_START', outcome: '' } as const;

describe('a call whose answer had begun when its process died', () => {
  test('is recorded by the next one, once', async () => {
    const first = path.join(folder, 'first');
    const spool = await start(first);
    spool.begin(callRecord('short', begun));
    spool.begin(callRecord('long', begun));
    spool.record(callRecord('long', begun));
    spool.begin(callRecord('whole', begun));
    spool.record(callRecord('whole', { phase: 'CALL_PHASE_COMPLETE', outcome: 'completed' }));
    const second = await killed(first);
    const next = await start(second);
    const expected = [
      ['long', 'CALL_PHASE_START', ''],
      ['whole', 'CALL_PHASE_COMPLETE', 'completed'],
      ['short', 'CALL_PHASE_COMPLETE', 'interrupted'],
      ['long', 'CALL_PHASE_END', 'interrupted'],
    ];
    expect(await recorded(next)).toEqual(expected);
    expect(await recorded(await start(await killed(second)))).toEqual(expected);
  });

  test('is not recorded again when it died between the record and the note of it', async () => {
    const first = path.join(folder, 'first');
    const spool = await start(first);
    spool.begin(callRecord('short', begun));
    spool.begin(callRecord('long', begun));
    const before = await killed(first);
    spool.record(callRecord('short', { phase: 'CALL_PHASE_COMPLETE', outcome: 'completed' }));
    spool.record(callRecord('long', begun));
    const after = await killed(first);
    await cp(path.join(before, table), path.join(after, table));
    expect(await recorded(await start(after))).toEqual([
      ['short', 'CALL_PHASE_COMPLETE', 'completed'],
      ['long', 'CALL_PHASE_START', ''],
      ['long', 'CALL_PHASE_END', 'interrupted'],
    ]);
  });

  test('takes the place of one that ended, also after one that is too long to be noted', async () => {
    const first = path.join(folder, 'first');
    const spool = await start(first);
    const long = callRecord('long', {
      ...begun,
      method: '漢'.repeat(512),
      subject: 's'.repeat(512),
    });
    for (const callId of ['a', 'b', 'c']) {
      spool.begin(callRecord(callId, begun));
      spool.record(callRecord(callId, { phase: 'CALL_PHASE_COMPLETE', outcome: 'completed' }));
      spool.begin(long);
      spool.record({ ...long, phase: 'CALL_PHASE_COMPLETE', outcome: 'completed' });
    }
    expect((await stat(path.join(first, table))).size).toBeLessThan(2048);
  });

  test('is recorded without its target when that is too long to be noted', async () => {
    const first = path.join(folder, 'first');
    const spool = await start(first);
    spool.begin(callRecord('call', { ...begun, target: 'x'.repeat(2048) }));
    const [event] = await readSpool(
      await start(await killed(first)).then(async (next) => {
        await next.flushed();
        return next;
      }),
    );
    expect(event?.call).toMatchObject({ callId: 'call', target: '', outcome: 'interrupted' });
  });
});
