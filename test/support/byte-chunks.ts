import fc from 'fast-check';

/** Where to cut bytes, for `cutBytes`. */
export const anyCuts = fc.array(fc.nat(4_000), { maxLength: 12 });

/** Cuts bytes at these places, so that every state of a machine meets the end of a chunk. */
export function cutBytes(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...new Set(cuts.map((at) => at % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}
