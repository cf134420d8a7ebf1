// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { TypeDigestInput as _mcpgw_discovery_v1_TypeDigestInput, TypeDigest as _mcpgw_discovery_v1_TypeDigest } from '../../../mcpgw/discovery/v1/TypeDigest.ts';

export interface RangeCommitInput {
  'nonce'?: (string);
  /**
   * `<epoch>/<to_revision>`, for logs and config dumps.
   */
  'systemVersionInfo'?: (string);
  /**
   * What the node's digests must be once the range is applied; a node that differs asks for a
   * full reconcile by starting its stream again with no revision.
   */
  'digests'?: (_mcpgw_discovery_v1_TypeDigestInput)[];
}

export interface RangeCommit {
  'nonce': (string);
  /**
   * `<epoch>/<to_revision>`, for logs and config dumps.
   */
  'systemVersionInfo': (string);
  /**
   * What the node's digests must be once the range is applied; a node that differs asks for a
   * full reconcile by starting its stream again with no revision.
   */
  'digests': (_mcpgw_discovery_v1_TypeDigest)[];
}
