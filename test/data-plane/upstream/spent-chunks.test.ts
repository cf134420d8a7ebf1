import { expect, test } from '@jest/globals';
import { SpentChunks } from '../../../data-plane/upstream/spent-chunks.ts';

test('has spent chunks collected each time that so many bytes have passed, and never before', () => {
  let collections = 0;
  const spent = new SpentChunks(1000, () => {
    collections += 1;
  });
  const seen = [400, 400, 199, 1, 999, 1, 5000].map((bytes) => {
    spent.add(bytes);
    return collections;
  });
  expect(seen).toEqual([0, 0, 0, 1, 1, 2, 3]);
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
