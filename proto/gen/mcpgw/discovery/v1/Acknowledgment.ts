// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { RejectedResourceInput as _mcpgw_discovery_v1_RejectedResourceInput, RejectedResource as _mcpgw_discovery_v1_RejectedResource } from '../../../mcpgw/discovery/v1/RejectedResource.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * ACK (no rejected resource) or NACK (some) of one range, sent once the range is applied as a whole.
 */
export interface AcknowledgmentInput {
  /**
   * Nonce of the range's commit marker.
   */
  'nonce'?: (string);
  /**
   * Revision that the node now holds.
   */
  'revision'?: (number | string | Long);
  /**
   * Resources of the range that the node could not use. In the first acknowledgment of a stream also
   * those that it holds from before and can't use, so that a restarted control plane knows them.
   */
  'rejected'?: (_mcpgw_discovery_v1_RejectedResourceInput)[];
}

/**
 * ACK (no rejected resource) or NACK (some) of one range, sent once the range is applied as a whole.
 */
export interface Acknowledgment {
  /**
   * Nonce of the range's commit marker.
   */
  'nonce': (string);
  /**
   * Revision that the node now holds.
   */
  'revision': (number);
  /**
   * Resources of the range that the node could not use. In the first acknowledgment of a stream also
   * those that it holds from before and can't use, so that a restarted control plane knows them.
   */
  'rejected': (_mcpgw_discovery_v1_RejectedResource)[];
}
