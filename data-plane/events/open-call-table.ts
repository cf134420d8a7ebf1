import { closeSync, fdatasync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { contracts } from '../../common/contracts.ts';
import type { CallRecord } from '../../proto/gen/mcpgw/events/v1/CallRecord.ts';

/*
 * slot: CRC-32 of the payload (4) | length of the payload (4) | 1 once a START is recorded (1) | payload
 * A length of 0 is a free slot.
 */
const slotBytes = 2048;
const slotHeadBytes = 9;
const startedOffset = 8;
/** 40 MB of disk; calls beyond it are not noted. */
const slotsMax = 20_000;
const freeSlot = Buffer.alloc(slotHeadBytes);
const started = Buffer.of(1);

const syncData = promisify(fdatasync);

/** A call whose answer had begun when its process died. */
export interface OpenCall {
  readonly call: CallRecord;
  /** A START may have been recorded. */
  readonly started: boolean;
}

const noBytes = Buffer.alloc(0);

/** The call with less and less of what may be long: its record says enough without. */
function* shortened(call: CallRecord): Generator<CallRecord, void, void> {
  const isLong = call.arguments.length >= slotBytes;
  if (!isLong) yield call;
  const hasArguments = call.arguments.length > 0;
  const argumentState = hasArguments ? 'ARGUMENT_STATE_TOO_LARGE' : call.argumentState;
  const bare = { ...call, arguments: noBytes, argumentState } as const;
  if (hasArguments) yield bare;
  const { principalRoles, principalScopes, headers } = call;
  if (principalRoles.length + principalScopes.length + headers.length > 0) {
    yield { ...bare, principalRoles: [], principalScopes: [], headers: [] };
  }
  yield { ...bare, principalRoles: [], principalScopes: [], headers: [], target: '' };
}

/** The payload of a slot; undefined when the call's texts are too long for one. */
function payloadOf(call: CallRecord): Buffer | undefined {
  for (const noted of shortened(call)) {
    const payload = contracts.events.Event.serialize({ sequence: 0, call: noted });
    if (payload.length <= slotBytes - slotHeadBytes) return payload;
  }
  return undefined;
}

function readSlot(slot: Buffer): OpenCall | undefined {
  if (slot.length < slotHeadBytes) return undefined;
  const length = slot.readUInt32BE(4);
  const payload = slot.subarray(slotHeadBytes, slotHeadBytes + length);
  if (length === 0 || payload.length !== length) return undefined;
  if (crc32(payload) !== slot.readUInt32BE(0)) return undefined;
  const { call } = contracts.events.Event.deserialize(payload);
  return call ? { call, started: slot.readUInt8(startedOffset) === 1 } : undefined;
}

function readSlots(file: string): OpenCall[] {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch {
    return [];
  }
  const calls: OpenCall[] = [];
  for (let offset = 0; offset < content.length; offset += slotBytes) {
    const open = readSlot(content.subarray(offset, offset + slotBytes));
    if (open !== undefined) calls.push(open);
  }
  return calls;
}

/**
 * The calls whose answers are on their way, as they stand on disk: two small writes for each, so that a
 * process that dies leaves behind what the next one has to record. The table lies beside the spool, whose
 * segments go once they are acknowledged, however long a stream stays open.
 */
export class OpenCallTable {
  /** What the last process left. */
  readonly left: readonly OpenCall[];
  readonly #fd: number;
  readonly #slots = new Map<string, number>();
  readonly #free: number[] = [];
  #slotCount = 0;
  #changed = false;

  /** @throws what the file system throws. */
  constructor(file: string) {
    this.left = readSlots(file);
    this.#fd = openSync(file, this.left.length > 0 ? 'r+' : 'w', 0o600);
  }

  /** What was left is recorded, and on disk. To be called before anything is noted. */
  forgetLeft(): void {
    ftruncateSync(this.#fd, 0);
    this.#changed = true;
  }

  /** The answer begins. A call that can't be noted has its record at its end all the same. */
  open(call: CallRecord): void {
    const payload = payloadOf(call);
    if (payload === undefined) return;
    const slot = this.#free.pop() ?? this.#slotCount;
    if (slot >= slotsMax) return;
    if (slot === this.#slotCount) this.#slotCount += 1;
    const bytes = Buffer.alloc(slotHeadBytes + payload.length);
    bytes.writeUInt32BE(crc32(payload), 0);
    bytes.writeUInt32BE(payload.length, 4);
    bytes.set(payload, slotHeadBytes);
    this.#slots.set(call.callId, slot);
    this.#write(bytes, slot * slotBytes);
  }

  /** A START of it stands in the spool. */
  started(callId: string): void {
    const slot = this.#slots.get(callId);
    if (slot !== undefined) this.#write(started, slot * slotBytes + startedOffset);
  }

  /** Its last record stands in the spool. */
  close(callId: string): void {
    const slot = this.#slots.get(callId);
    if (slot === undefined) return;
    this.#slots.delete(callId);
    this.#free.push(slot);
    this.#write(freeSlot, slot * slotBytes);
  }

  /** Resolves once everything noted before the call is on disk. */
  async sync(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    await syncData(this.#fd);
  }

  end(): void {
    closeSync(this.#fd);
  }

  #write(bytes: Buffer, position: number): void {
    this.#changed = true;
    try {
      writeSync(this.#fd, bytes, 0, bytes.length, position);
    } catch {
      // A full disk shows in the spool, which says so; an answer doesn't fail for this note.
    }
  }
}
