import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Spool } from '../../../data-plane/events/spool.ts';
import type { SpoolOptions } from '../../../data-plane/events/spool-options.ts';
import { callIds, callRecord, readSpool } from '../../support/control-plane-double-events.ts';
import { eventually, testSpool } from '../../support/control-plane-double-node.ts';

let folder: string;
let open: Spool[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mcpgw-spool-'));
  open = [];
});

afterEach(async () => {
  for (const spool of open) await spool.close();
  await rm(folder, { recursive: true, force: true });
});

async function start(more: Partial<SpoolOptions> = {}, where = folder): Promise<Spool> {
  const spool = await testSpool(where, more);
  open.push(spool);
  return spool;
}

function recordMany(spool: Spool, prefix: string, count: number): string[] {
  const ids = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
  return ids.filter((id) => spool.record(callRecord(id)));
}

async function segmentFiles(where = folder): Promise<string[]> {
  return (await readdir(where)).filter((name) => name.endsWith('.events')).sort();
}

describe('a spool', () => {
  test('gives back what was recorded, in order and numbered from 1', async () => {
    const spool = await start();
    const ids = recordMany(spool, 'a', 10);
    const events = await readSpool(spool);
    expect(callIds(events)).toEqual(ids);
    expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(events[0]?.call).toEqual(callRecord('a-0'));
  });

  test('has a record in the kernel when record returns', async () => {
    const spool = await start();
    spool.record(callRecord('a-0'));
    const [name = ''] = await segmentFiles();
    expect((await readFile(path.join(folder, name))).includes('a-0')).toBe(true);
  });

  test('keeps its identity and its numbers over a restart, also when all is acknowledged', async () => {
    const first = await start();
    recordMany(first, 'a', 5);
    await first.flushed();
    first.acknowledge(5);
    await first.close();
    const second = await start();
    expect(second.spoolId).toBe(first.spoolId);
    recordMany(second, 'b', 1);
    const events = await readSpool(second);
    expect(events.at(-1)).toMatchObject({ sequence: 6, call: { callId: 'b-0' } });
    expect(events.filter(({ gap }) => gap)).toEqual([]);
  });

  test('deletes segments once they are acknowledged', async () => {
    const spool = await start({ segmentBytesMax: 8 * 1024 });
    recordMany(spool, 'a', 100);
    await spool.flushed();
    expect((await segmentFiles()).length).toBeGreaterThan(3);
    const bytes = spool.status().bytes;
    spool.acknowledge(100);
    await spool.close();
    expect(await segmentFiles()).toHaveLength(1);
    expect(spool.status().bytes).toBeLessThan(bytes);
  });

  test('is written by one process only', async () => {
    const first = await start();
    await expect(testSpool(folder)).rejects.toThrow('in use by another process');
    await first.close();
    await start();
  });

  test('clips what the client chose, and records the rest', async () => {
    const spool = await start();
    const target = `x${'\ud800'.repeat(100_000)}`;
    expect(spool.record(callRecord('a', { target, method: 'm'.repeat(1000) }))).toBe(true);
    const [event] = await readSpool(spool);
    expect(event?.call?.target).toHaveLength(2048);
    expect(event?.call?.method).toHaveLength(512);
  });

  test('resolves flushed once a record is on disk, and shows no record before', async () => {
    const spool = await start({ syncIntervalMs: 60_000 });
    spool.record(callRecord('a'));
    expect(spool.durableSequence).toBe(0);
    await spool.flushed();
    expect(spool.durableSequence).toBe(1);
    await spool.flushed();
  });
});

describe('a full spool', () => {
  const small = {
    spoolBytesMax: 64 * 1024,
    refusalBytesMax: 16 * 1024,
    segmentBytesMax: 8 * 1024,
    mustAuditReserveBytes: 4096,
  };

  test('drops, says that it does, and reports how many once there is room', async () => {
    const spool = await start(small);
    const kept = recordMany(spool, 'a', 500);
    expect(kept.length).toBeLessThan(200);
    expect(spool.hasRoom()).toBe(false);
    expect(spool.status()).toMatchObject({ droppedTotal: 500 - kept.length, hasRoom: false });
    expect(spool.status().bytes).toBeLessThanOrEqual(64 * 1024);
    await expect(spool.flushed()).rejects.toThrow('dropped');
    await eventually(() => spool.durableSequence >= kept.length, 'the sync');
    spool.acknowledge(kept.length);
    expect(spool.hasRoom()).toBe(true);
    expect(spool.record(callRecord('b'))).toBe(true);
    const events = await readSpool(spool);
    expect(events.find(({ gap }) => gap)?.gap).toMatchObject({
      droppedCount: 500 - kept.length,
      cause: 'spool_full',
    });
    expect(callIds(events).at(-1)).toBe('b');
  });

  test('has room for calls whatever strangers do, and the other way round', async () => {
    let nowMs = 0;
    const spool = await start({ ...small, refusalBlocksMax: 50, now: () => nowMs });
    for (let index = 0; index < 2000; index += 1) {
      const clientAddress = `10.${index % 200}.${index % 7}.1`;
      spool.refuse({ reason: 'credential_invalid', clientAddress, organizationId: undefined });
      nowMs += 1;
      if (index % 10 === 0) spool.flushRefusals();
    }
    spool.flushRefusals();
    expect(spool.status().refusalBytes).toBeLessThanOrEqual(16 * 1024);
    expect(spool.status().droppedTotal).toBe(0);
    const kept = recordMany(spool, 'a', 50);
    expect(kept).toHaveLength(50);
    const events = await readSpool(spool);
    const written = events.reduce((sum, { refusals }) => sum + (refusals?.count ?? 0), 0);
    expect(written).toBeGreaterThan(100);
    // Nothing is lost for want of room: it goes on being counted.
    spool.acknowledge(events.at(-1)?.sequence ?? 0);
    spool.flushRefusals();
    const rest = (await readSpool(spool)).reduce(
      (sum, { refusals }) => sum + (refusals?.count ?? 0),
      0,
    );
    expect(written + rest).toBe(2000);
  });
});

describe('a spool that can’t be written', () => {
  test('drops, has no room for must-audit calls, and goes on when it can be written again', async () => {
    const spool = await start({ segmentBytesMax: 8 * 1024 });
    await rm(folder, { recursive: true });
    const kept = recordMany(spool, 'a', 100);
    expect(kept.length).toBeLessThan(100);
    expect(spool.hasRoom()).toBe(false);
    await mkdir(folder);
    await eventually(() => spool.hasRoom(), 'room');
    expect(spool.record(callRecord('b'))).toBe(true);
    await spool.flushed();
    const [name = ''] = await segmentFiles();
    expect((await readFile(path.join(folder, name))).includes('spool_full')).toBe(true);
  });
});

describe('refusals', () => {
  test('are counted by reason, block and organization', async () => {
    const spool = await start();
    for (const clientAddress of [
      '192.0.2.1',
      '192.0.2.77',
      '::ffff:192.0.2.9',
      '2001:db8:1:2::3',
      '2001:db8:1::4',
    ]) {
      spool.refuse({ reason: 'credential_invalid', clientAddress, organizationId: undefined });
    }
    spool.refuse({
      reason: 'credential_missing',
      clientAddress: '192.0.2.1',
      organizationId: 'acme',
    });
    spool.flushRefusals();
    const counts = (await readSpool(spool)).map(({ refusals }) => [
      refusals?.reason,
      refusals?.addressBlock,
      refusals?.organizationId,
      refusals?.count,
    ]);
    expect(counts).toEqual([
      ['credential_invalid', '192.0.2.0/24', '', 3],
      ['credential_invalid', '2001:db8:1::/48', '', 2],
      ['credential_missing', '192.0.2.0/24', 'acme', 1],
    ]);
  });

  test('are written by themselves every so often, each counted once', async () => {
    const spool = await start({ refusalFlushIntervalMs: 20, refusalBlocksMax: 2000 });
    for (let index = 0; index < 1000; index += 1) {
      const clientAddress = `10.${index >> 8}.${index & 255}.1`;
      spool.refuse({ reason: 'credential_invalid', clientAddress, organizationId: undefined });
    }
    await eventually(() => spool.status().recordedTotal >= 1000, 'the aggregates');
    const events = await readSpool(spool);
    expect(events.map(({ refusals }) => refusals?.count)).toEqual(Array(1000).fill(1));
  });

  test('from more blocks than are kept are counted without their block', async () => {
    const spool = await start({ refusalBlocksMax: 3 });
    for (let index = 0; index < 10; index += 1) {
      spool.refuse({
        reason: 'credential_invalid',
        clientAddress: `10.0.${index}.1`,
        organizationId: undefined,
      });
    }
    spool.flushRefusals();
    const events = await readSpool(spool);
    expect(events.map(({ refusals }) => [refusals?.addressBlock, refusals?.count])).toEqual([
      ['10.0.0.0/24', 1],
      ['10.0.1.0/24', 1],
      ['10.0.2.0/24', 1],
      ['', 7],
    ]);
  });
});

describe('recovery', () => {
  /** Segments of a closed spool with 60 records in several segments. */
  async function writtenFolder(): Promise<{ readonly files: string[]; readonly ids: string[] }> {
    const spool = await start({ segmentBytesMax: 8 * 1024 });
    const ids = recordMany(spool, 'a', 60);
    await spool.close();
    return { files: await segmentFiles(), ids };
  }

  async function damagedCopy(name: string, file: string, damage: (bytes: Buffer) => Buffer) {
    const copy = path.join(folder, name);
    await mkdir(copy);
    for (const other of await segmentFiles()) {
      await copyFile(path.join(folder, other), path.join(copy, other));
    }
    const target = path.join(copy, file);
    await writeFile(target, damage(await readFile(target)));
    return copy;
  }

  /** Ids kept, each one whole and in its place; numbers grow, and new ones are beyond the old. */
  async function recovered(where: string, ids: readonly string[]) {
    const spool = await testSpool(where);
    try {
      const isSameSpool = spool.durableSequence > 0;
      spool.record(callRecord('new'));
      const events = await readSpool(spool);
      const sequences = events.map(({ sequence }) => sequence);
      expect(sequences).toEqual([...sequences].sort((left, right) => left - right));
      expect(new Set(sequences).size).toBe(sequences.length);
      const kept = events.filter(({ call }) => call && call.callId !== 'new');
      for (const { sequence, call } of kept) {
        expect(call).toEqual(callRecord(ids[sequence - 1] ?? ''));
      }
      const news = events.find(({ call }) => call?.callId === 'new');
      if (isSameSpool) expect(news?.sequence).toBeGreaterThan(kept.at(-1)?.sequence ?? 0);
      return {
        kept: callIds(kept),
        gap: events.find(({ gap }) => gap)?.gap,
        newSequence: news?.sequence ?? 0,
      };
    } finally {
      await spool.close();
    }
  }

  test('keeps a prefix of a damaged segment, never a wrong record, and reports the gap', async () => {
    const { files, ids } = await writtenFolder();
    expect(files.length).toBeGreaterThan(2);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: files.length - 1 }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        fc.option(fc.nat({ max: 7 })),
        async (fileIndex, position, bit) => {
          run += 1;
          const file = files[fileIndex] ?? '';
          const first = Number(file.slice(0, 16));
          const next = Number(files[fileIndex + 1]?.slice(0, 16) ?? ids.length + 1);
          const copy = await damagedCopy(`copy-${run}`, file, (bytes) => {
            const offset = Math.floor(position * bytes.length);
            if (bit === null) return bytes.subarray(0, offset);
            const flipped = Buffer.from(bytes);
            flipped[offset] = (flipped[offset] ?? 0) ^ (1 << bit);
            return flipped;
          });
          const { kept, gap } = await recovered(copy, ids);
          const inSegment = kept.filter((id) => {
            const sequence = ids.indexOf(id) + 1;
            return sequence >= first && sequence < next;
          });
          const due = ids.slice(first - 1, next - 1);
          expect(inSegment).toEqual(due.slice(0, inSegment.length));
          // The other segments are untouched.
          expect(kept.length - inSegment.length).toBe(ids.length - due.length);
          // A cut between two records of the last segment leaves no trace; everything else does.
          const isLast = fileIndex === files.length - 1;
          if (inSegment.length < due.length && !(isLast && bit === null)) {
            expect(gap?.cause).toBe('corrupt_segment');
            if (!isLast) expect(gap?.droppedCount).toBe(due.length - inSegment.length);
          }
          await rm(copy, { recursive: true });
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  test('never uses a number again that a damaged tail may have used', async () => {
    const { files, ids } = await writtenFolder();
    const copy = await damagedCopy('copy', files.at(-1) ?? '', (bytes) => bytes.fill(0, 100));
    const { newSequence } = await recovered(copy, ids);
    expect(newSequence).toBeGreaterThan(ids.length);
  });

  test('begins another spool when nothing says which this one was', async () => {
    const spool = await start();
    recordMany(spool, 'a', 3);
    await spool.close();
    const [file = ''] = await segmentFiles();
    await writeFile(
      path.join(folder, file),
      Buffer.alloc((await stat(path.join(folder, file))).size),
    );
    const next = await start();
    expect(next.spoolId).not.toBe(spool.spoolId);
    const events = await readSpool(next);
    expect(events).toMatchObject([{ sequence: 1, gap: { cause: 'corrupt_segment' } }]);
  });

  test('jumps over numbers that the control plane has and the disk lost without a trace', async () => {
    const spool = await start();
    recordMany(spool, 'a', 3);
    await spool.flushed();
    spool.acknowledge(10);
    expect(spool.record(callRecord('b'))).toBe(true);
    const events = await readSpool(spool);
    expect(events.find(({ call }) => call?.callId === 'b')?.sequence).toBeGreaterThan(10);
    expect(events.every(({ sequence }) => sequence > 10)).toBe(true);
  });

  test('loses no record that was reported as written when the process is killed', async () => {
    const child = fileURLToPath(
      new URL('../../support/control-plane-double-spool-child.ts', import.meta.url),
    );
    const notes = path.join(folder, 'notes');
    for (let run = 0; run < 3; run += 1) {
      const killed = spawn(process.execPath, [child, folder, `run${run}`, notes], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      const ended = once(killed, 'close');
      const sizeNow = (): number => (existsSync(notes) ? statSync(notes).size : 0);
      const size = sizeNow();
      await eventually(() => sizeNow() > size + 5000, 'writing');
      await expect(testSpool(folder)).rejects.toThrow('in use by another process');
      killed.kill('SIGKILL');
      expect((await ended)[1]).toBe('SIGKILL');
    }
    const reported = (await readFile(notes, 'utf8')).split('\n').slice(0, -1);
    expect(reported.length).toBeGreaterThan(1000);
    const ids = callIds(await readSpool(await start()));
    expect(new Set(ids).size).toBe(ids.length);
    const kept = new Set(ids);
    expect(reported.filter((id) => !kept.has(id))).toEqual([]);
  });
});
