// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { Long } from '@grpc/proto-loader';

/**
 * Events that the spool could not hold, or a spool that was damaged.
 */
export interface SpoolGapInput {
  'atMs'?: (number | string | Long);
  'droppedCount'?: (number | string | Long);
  /**
   * `spool_full` or `corrupt_segment`.
   */
  'cause'?: (string);
}

/**
 * Events that the spool could not hold, or a spool that was damaged.
 */
export interface SpoolGap {
  'atMs': (number);
  'droppedCount': (number);
  /**
   * `spool_full` or `corrupt_segment`.
   */
  'cause': (string);
}
