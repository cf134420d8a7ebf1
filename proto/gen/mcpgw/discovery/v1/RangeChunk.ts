// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { ResourceInput as _mcpgw_discovery_v1_ResourceInput, Resource as _mcpgw_discovery_v1_Resource } from '../../../mcpgw/discovery/v1/Resource.ts';
import type { ResourceNameInput as _mcpgw_discovery_v1_ResourceNameInput, ResourceName as _mcpgw_discovery_v1_ResourceName } from '../../../mcpgw/discovery/v1/ResourceName.ts';
import type { RangeCommitInput as _mcpgw_discovery_v1_RangeCommitInput, RangeCommit as _mcpgw_discovery_v1_RangeCommit } from '../../../mcpgw/discovery/v1/RangeCommit.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * Part of a revision range. A node collects the chunks of a range and applies them together when the
 * chunk with the commit marker arrives; a range whose stream ends before that is forgotten.
 * The first range of a stream starts at the revision of the node's hello, whatever its epoch, and comes
 * also when nothing has changed (no resources, `to_revision` may equal `from_revision`): its commit
 * tells the node that it is current. It may carry what the node has already.
 */
export interface RangeChunkInput {
  /**
   * The range changes a state at `from_revision` into the state at `to_revision`.
   */
  'fromRevision'?: (number | string | Long);
  'toRevision'?: (number | string | Long);
  /**
   * Position of this chunk in the range, from 0.
   */
  'index'?: (number);
  'resources'?: (_mcpgw_discovery_v1_ResourceInput)[];
  'removedResources'?: (_mcpgw_discovery_v1_ResourceNameInput)[];
  /**
   * Present in the last chunk only.
   */
  'commit'?: (_mcpgw_discovery_v1_RangeCommitInput | null);
}

/**
 * Part of a revision range. A node collects the chunks of a range and applies them together when the
 * chunk with the commit marker arrives; a range whose stream ends before that is forgotten.
 * The first range of a stream starts at the revision of the node's hello, whatever its epoch, and comes
 * also when nothing has changed (no resources, `to_revision` may equal `from_revision`): its commit
 * tells the node that it is current. It may carry what the node has already.
 */
export interface RangeChunk {
  /**
   * The range changes a state at `from_revision` into the state at `to_revision`.
   */
  'fromRevision': (number);
  'toRevision': (number);
  /**
   * Position of this chunk in the range, from 0.
   */
  'index': (number);
  'resources': (_mcpgw_discovery_v1_Resource)[];
  'removedResources': (_mcpgw_discovery_v1_ResourceName)[];
  /**
   * Present in the last chunk only.
   */
  'commit': (_mcpgw_discovery_v1_RangeCommit | null);
}
