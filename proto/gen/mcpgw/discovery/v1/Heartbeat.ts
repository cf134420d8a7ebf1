// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { Long } from '@grpc/proto-loader';

/**
 * Sent every `heartbeat_interval_ms`, also while nothing changes.
 */
export interface HeartbeatInput {
  /**
   * When this replica last read the change feed successfully, in milliseconds since the Unix epoch.
   * Staleness counts from here, not from the heartbeat's arrival.
   */
  'feedReadAtMs'?: (number | string | Long);
  /**
   * Clock of the replica when it sent the heartbeat.
   */
  'sentAtMs'?: (number | string | Long);
  'revision'?: (number | string | Long);
}

/**
 * Sent every `heartbeat_interval_ms`, also while nothing changes.
 */
export interface Heartbeat {
  /**
   * When this replica last read the change feed successfully, in milliseconds since the Unix epoch.
   * Staleness counts from here, not from the heartbeat's arrival.
   */
  'feedReadAtMs': (number);
  /**
   * Clock of the replica when it sent the heartbeat.
   */
  'sentAtMs': (number);
  'revision': (number);
}
