import { randomUUID } from 'node:crypto';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../../common/logging.ts';
import {
  decodeRecords,
  decodeSegmentHead,
  recordHeadBytes,
  segmentFirstSequence,
  segmentHeadBytes,
} from './segment.ts';
import type { SpoolSegment } from './spool-segment.ts';

/** What a spool's folder holds after a start: every record in `segments` is whole. */
export interface RecoveredSpool {
  readonly spoolId: string;
  /** In the order of their sequences; none of them empty. */
  readonly segments: SpoolSegment[];
  /** First sequence that was certainly never used. */
  readonly nextSequence: number;
  /** At least so many events are lost; 0: no damage was found. */
  readonly lostCount: number;
}

interface ScannedSegment {
  readonly segment: SpoolSegment;
  /** Undefined: the head is damaged. */
  readonly spoolId: string | undefined;
  readonly fileBytes: number;
}

function scan(file: string, firstSequence: number, content: Buffer): ScannedSegment {
  const segment: SpoolSegment = {
    file,
    firstSequence,
    lastSequence: firstSequence - 1,
    bytes: segmentHeadBytes,
    refusalBytes: 0,
  };
  const head = decodeSegmentHead(content);
  const fileBytes = content.length;
  if (head?.firstSequence !== firstSequence) return { segment, spoolId: undefined, fileBytes };
  let start = segmentHeadBytes;
  for (const { sequence, kind, end } of decodeRecords(content, start, firstSequence)) {
    segment.lastSequence = sequence;
    segment.bytes = end;
    if (kind === 'refusals') segment.refusalBytes += end - start;
    start = end;
  }
  return { segment, spoolId: head.spoolId, fileBytes };
}

async function scanFolder(folder: string): Promise<ScannedSegment[]> {
  const scanned: ScannedSegment[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const firstSequence = segmentFirstSequence(name);
    if (firstSequence === undefined) continue;
    const file = path.join(folder, name);
    scanned.push(scan(file, firstSequence, await readFile(file)));
  }
  return scanned;
}

/** The highest sequence that a segment can have held, whatever of it is damaged. */
function sequenceBound({ segment, fileBytes }: ScannedSegment): number {
  const rest = Math.max(0, fileBytes - segment.bytes);
  return segment.lastSequence + Math.ceil(rest / (recordHeadBytes + 1));
}

function lostIn(
  { segment, spoolId, fileBytes }: ScannedSegment,
  next: ScannedSegment | undefined,
  ownSpoolId: string | undefined,
): number {
  if (spoolId !== undefined && spoolId !== ownSpoolId) {
    return segment.lastSequence - segment.firstSequence + 1;
  }
  if (spoolId !== undefined && fileBytes === segment.bytes) return 0;
  if (next === undefined) return 1;
  return Math.max(1, next.segment.firstSequence - segment.lastSequence - 1);
}

/** What is on disk now may only be in the kernel's memory; and what follows a good record must go. */
async function settle(segment: SpoolSegment): Promise<void> {
  const handle = await open(segment.file, 'r+');
  try {
    await handle.truncate(segment.bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Reads a spool after whatever ended its last process. Of each segment the records before the first
 * damage are kept. The sequence goes on beyond everything that can have been written, since the control
 * plane would take a number that it has seen for an event that it has.
 */
export async function recoverSpool(folder: string, logger: Logger): Promise<RecoveredSpool> {
  const scanned = await scanFolder(folder);
  const spoolId = scanned.findLast((one) => one.spoolId !== undefined)?.spoolId;
  const segments: SpoolSegment[] = [];
  let lostCount = 0;
  for (const [index, one] of scanned.entries()) {
    const { segment } = one;
    const lost = lostIn(one, scanned[index + 1], spoolId);
    lostCount += lost;
    if (lost > 0)
      logger.error({ file: segment.file, lost }, 'a segment of the event spool is damaged');
    const isUsed = one.spoolId === spoolId && segment.lastSequence >= segment.firstSequence;
    if (isUsed) {
      await settle(segment);
      segments.push(segment);
    } else {
      await rm(segment.file);
    }
  }
  // Without a readable head nothing says which spool these numbers were of: another one begins.
  if (spoolId === undefined) return { spoolId: randomUUID(), segments, nextSequence: 1, lostCount };
  const nextSequence = Math.max(...scanned.map(sequenceBound)) + 1;
  return { spoolId, segments, nextSequence, lostCount };
}
