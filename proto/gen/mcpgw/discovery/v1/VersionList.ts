// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { ResourceVersionInput as _mcpgw_discovery_v1_ResourceVersionInput, ResourceVersion as _mcpgw_discovery_v1_ResourceVersion } from '../../../mcpgw/discovery/v1/ResourceVersion.ts';

/**
 * Answers VersionListRequest: everything the node holds of one type, in chunks.
 */
export interface VersionListInput {
  'type'?: (string);
  'resources'?: (_mcpgw_discovery_v1_ResourceVersionInput)[];
  'last'?: (boolean);
}

/**
 * Answers VersionListRequest: everything the node holds of one type, in chunks.
 */
export interface VersionList {
  'type': (string);
  'resources': (_mcpgw_discovery_v1_ResourceVersion)[];
  'last': (boolean);
}
