import { crc32 } from 'node:zlib';

/*
 * segment: magic (8) | spool id (16) | first sequence (8) | CRC-32 of what stands before (4) | records
 * record:  CRC-32 of what follows (4) | length of the payload (4) | sequence (8) | kind (1) | payload
 * Integers are big-endian. Sequences in a segment follow one another without a gap.
 */
const magic = Buffer.from('MCPGWEV1');
export const segmentHeadBytes = magic.length + 16 + 8 + 4;
export const recordHeadBytes = 4 + 4 + 8 + 1;

/** Largest payload of a record, in bytes: arguments and headers at their bounds fit beside everything else. */
export const payloadBytesMax = 256 * 1024;

/** What a record counts against: calls and gaps share one quota, refusals of strangers have their own. */
export type RecordKind = 'call' | 'refusals' | 'gap';
const kinds: readonly RecordKind[] = ['call', 'refusals', 'gap'];

export interface SegmentHead {
  /** UUID. */
  readonly spoolId: string;
  readonly firstSequence: number;
}

export interface SegmentRecord {
  readonly sequence: number;
  readonly kind: RecordKind;
  /** An encoded `Event`. */
  readonly payload: Buffer;
  /** Where the next record begins, counted from the buffer's start. */
  readonly end: number;
}

/** Name of a segment's file: sorted by name, segments are in the order of their sequences. */
export function segmentFileName(firstSequence: number): string {
  return `${String(firstSequence).padStart(16, '0')}.events`;
}

/** First sequence that a file's name claims, or undefined for a file that is no segment. */
export function segmentFirstSequence(fileName: string): number | undefined {
  const digits = /^(\d{16})\.events$/.exec(fileName)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function encodeSegmentHead({ spoolId, firstSequence }: SegmentHead): Buffer {
  const head = Buffer.alloc(segmentHeadBytes);
  magic.copy(head);
  Buffer.from(spoolId.replaceAll('-', ''), 'hex').copy(head, 8);
  head.writeBigUInt64BE(BigInt(firstSequence), 24);
  head.writeUInt32BE(crc32(head.subarray(0, 32)), 32);
  return head;
}

export function decodeSegmentHead(bytes: Buffer): SegmentHead | undefined {
  if (bytes.length < segmentHeadBytes || !bytes.subarray(0, 8).equals(magic)) return undefined;
  if (crc32(bytes.subarray(0, 32)) !== bytes.readUInt32BE(32)) return undefined;
  const hex = bytes.toString('hex', 8, 24);
  const spoolId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { spoolId, firstSequence: Number(bytes.readBigUInt64BE(24)) };
}

/** Writes a record to the start of `target`; returns its length. */
export function encodeRecord(
  target: Buffer,
  sequence: number,
  kind: RecordKind,
  payload: Uint8Array,
): number {
  target.writeUInt32BE(payload.length, 4);
  target.writeUInt32BE(Math.floor(sequence / 0x1_0000_0000), 8);
  target.writeUInt32BE(sequence % 0x1_0000_0000, 12);
  target.writeUInt8(kinds.indexOf(kind), 16);
  target.set(payload, recordHeadBytes);
  const end = recordHeadBytes + payload.length;
  target.writeUInt32BE(crc32(target.subarray(4, end)), 0);
  return end;
}

/**
 * Reads the record at `offset`; undefined when none stands there whole and undamaged. `sequence` is the
 * one that is due: a record of another would be a remnant of something else.
 */
function decodeRecord(bytes: Buffer, offset: number, sequence: number): SegmentRecord | undefined {
  const start = offset + recordHeadBytes;
  if (start > bytes.length) return undefined;
  const length = bytes.readUInt32BE(offset + 4);
  const end = start + length;
  if (length === 0 || length > payloadBytesMax || end > bytes.length) return undefined;
  if (crc32(bytes.subarray(offset + 4, end)) !== bytes.readUInt32BE(offset)) return undefined;
  const kind = kinds[bytes.readUInt8(offset + 16)];
  if (kind === undefined || Number(bytes.readBigUInt64BE(offset + 8)) !== sequence)
    return undefined;
  return { sequence, kind, payload: bytes.subarray(start, end), end };
}

/**
 * Records from `offset` on, the first of them with `sequence`, up to the end or the first damage. Nothing
 * is looked for behind a damage: a payload may contain what looks like a record, and its sender chose it.
 */
export function* decodeRecords(
  bytes: Buffer,
  offset: number,
  sequence: number,
): Generator<SegmentRecord> {
  let position = offset;
  let due = sequence;
  for (;;) {
    const record = decodeRecord(bytes, position, due);
    if (record === undefined) return;
    yield record;
    position = record.end;
    due += 1;
  }
}
