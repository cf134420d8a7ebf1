// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { TypeDigestInput as _mcpgw_discovery_v1_TypeDigestInput, TypeDigest as _mcpgw_discovery_v1_TypeDigest } from '../../../mcpgw/discovery/v1/TypeDigest.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * What a node says first on a stream. Nothing in it grants anything: what a node may read follows
 * from its token alone.
 */
export interface HelloInput {
  /**
   * One running process; a restarted node has another.
   */
  'instanceId'?: (string);
  /**
   * Version of the node's software; resources that a build refused are not sent to it again.
   */
  'build'?: (string);
  /**
   * Resource types that this build understands.
   */
  'types'?: (string)[];
  /**
   * Epoch of the database that `revision` belongs to; empty when the node holds nothing.
   */
  'epoch'?: (string);
  /**
   * Last revision that the node holds as a whole; 0 when it holds nothing.
   */
  'revision'?: (number | string | Long);
  /**
   * One digest for each type the node holds resources of.
   */
  'digests'?: (_mcpgw_discovery_v1_TypeDigestInput)[];
  /**
   * Address at which the node serves agents, shown to admins; not trusted.
   */
  'advertisedUrl'?: (string);
}

/**
 * What a node says first on a stream. Nothing in it grants anything: what a node may read follows
 * from its token alone.
 */
export interface Hello {
  /**
   * One running process; a restarted node has another.
   */
  'instanceId': (string);
  /**
   * Version of the node's software; resources that a build refused are not sent to it again.
   */
  'build': (string);
  /**
   * Resource types that this build understands.
   */
  'types': (string)[];
  /**
   * Epoch of the database that `revision` belongs to; empty when the node holds nothing.
   */
  'epoch': (string);
  /**
   * Last revision that the node holds as a whole; 0 when it holds nothing.
   */
  'revision': (number);
  /**
   * One digest for each type the node holds resources of.
   */
  'digests': (_mcpgw_discovery_v1_TypeDigest)[];
  /**
   * Address at which the node serves agents, shown to admins; not trusted.
   */
  'advertisedUrl': (string);
}
