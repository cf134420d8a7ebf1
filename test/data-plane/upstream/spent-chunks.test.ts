import { expect, test } from '@jest/globals';
import { SpentChunks } from '../../../data-plane/upstream/spent-chunks.ts';

test('has spent chunks collected each time that so many bytes have passed, and never before', () => {
  let collections = 0;
  const spent = new SpentChunks(1000, {
    collect() {
      collections += 1;
    },
    standingBytes: () => 0,
  });
  const seen = [400, 400, 199, 1, 999, 1, 5000].map((bytes) => {
    spent.add(bytes);
    return collections;
  });
  expect(seen).toEqual([0, 0, 0, 1, 1, 2, 3]);
});

test('has all collected when what stands has grown by 16 MB and by a half, and not before', () => {
  const megabyte = 1024 * 1024;
  let standing = 0;
  const reached: string[] = [];
  const spent = new SpentChunks(1, {
    collect(reach) {
      reached.push(reach);
      // A quarter of it was garbage to a collection of all.
      if (reach === 'all') standing *= 0.75;
    },
    standingBytes: () => standing,
  });
  const grow = (megabytes: number) => {
    reached.length = 0;
    standing = megabytes * megabyte;
    spent.add(1);
    return [...reached];
  };
  expect(grow(8)).toEqual(['young']);
  expect(grow(23)).toEqual(['young']);
  expect(grow(24)).toEqual(['young', 'all']);
  expect(grow(33)).toEqual(['young']);
  expect(grow(80)).toEqual(['young', 'all']);
  expect(grow(89)).toEqual(['young']);
  expect(grow(90)).toEqual(['young', 'all']);
  // What V8 gave back by itself counts as well.
  expect(grow(10)).toEqual(['young']);
  expect(grow(26)).toEqual(['young', 'all']);
});

test('gives the memory of spent chunks back by V8’s own collection', async () => {
  const megabyte = 1024 * 1024;
  const spent = new SpentChunks();
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let chunk = 0; chunk < 64; chunk += 1) {
    Buffer.allocUnsafeSlow(megabyte);
    spent.add(megabyte);
    // The sweep runs beside.
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  expect(most).toBeLessThan(16 * megabyte);
});
