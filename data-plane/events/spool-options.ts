import type { Logger } from '../../common/logging.ts';

/** Bounds of a node's spool and what it is given. */
export interface SpoolOptions {
  /** Folder of this spool alone; made when it isn't there. */
  readonly folder: string;
  /** A segment is ended at this size, and deleted when all of it is acknowledged; 8 MB is sensible. */
  readonly segmentBytesMax: number;
  /** Bound on all segments, refusals included; 256 MB. */
  readonly spoolBytesMax: number;
  /** Part of the bound that belongs to refusals of strangers, and to nothing else; 16 MB. */
  readonly refusalBytesMax: number;
  /** Room that there must be for a must-audit call to begin: what calls in progress may still write; 1 MB. */
  readonly mustAuditReserveBytes: number;
  /** A record is on disk after this time and that of one fsync; 20. */
  readonly syncIntervalMs: number;
  /** How often refusals are written as aggregates; 5,000. */
  readonly refusalFlushIntervalMs: number;
  /** Bound on the blocks that refusals are counted by between two writes; 4,096. */
  readonly refusalBlocksMax: number;
  readonly logger: Logger;
  /** Wall clock, in milliseconds. */
  readonly now: () => number;
}

/** What metrics and `/readyz` show of a spool. */
export interface SpoolStatus {
  readonly spoolId: string;
  readonly bytes: number;
  readonly refusalBytes: number;
  readonly segmentCount: number;
  readonly recordedSequence: number;
  readonly durableSequence: number;
  readonly acknowledgedSequence: number;
  readonly recordedTotal: number;
  readonly droppedTotal: number;
  readonly hasRoom: boolean;
}
