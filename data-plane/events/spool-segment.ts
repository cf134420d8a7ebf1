/** What is known of a segment of the spool. The last one of a spool is written, the others only read. */
export interface SpoolSegment {
  readonly file: string;
  readonly firstSequence: number;
  /** `firstSequence - 1` while it holds no record. */
  lastSequence: number;
  /** Bytes that hold good records, head included. */
  bytes: number;
  /** Bytes of its refusal aggregates. */
  refusalBytes: number;
}
