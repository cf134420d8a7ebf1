import { contracts } from '../../common/contracts.ts';

/** Field number and wire type of `EventBatch.events` in events.proto. */
const eventsTag = (2 << 3) | 2;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/**
 * An encoded `EventBatch` of events that are encoded already: they are as the spool holds them, so that
 * sending costs no decoding.
 */
export function encodeEventBatch(spoolId: string, payloads: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [contracts.events.EventBatch.serialize({ spoolId })];
  for (const payload of payloads) {
    parts.push(Buffer.from([eventsTag]), varint(payload.length), payload);
  }
  return Buffer.concat(parts);
}
