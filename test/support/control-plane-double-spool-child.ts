/**
 * A process that writes a spool until it is killed, and notes in a file what it was told is recorded.
 * Started by the spool's tests: `node control-plane-double-spool-child.ts <folder> <prefix> <notes>`.
 */
import { openSync, writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { callRecord } from './control-plane-double-events.ts';
import { testSpool } from './control-plane-double-node.ts';

const [folder = '', prefix = '', notes = ''] = process.argv.slice(2);
const file = openSync(notes, 'a');
const spool = await testSpool(folder, { segmentBytesMax: 64 * 1024 });
for (let index = 0; index < 100_000; index += 1) {
  const callId = `${prefix}-${index}`;
  if (spool.record(callRecord(callId))) writeSync(file, `${callId}\n`);
  if (index % 50 === 0) await nextTurn();
}
