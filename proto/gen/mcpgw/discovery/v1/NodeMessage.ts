// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { HelloInput as _mcpgw_discovery_v1_HelloInput, Hello as _mcpgw_discovery_v1_Hello } from '../../../mcpgw/discovery/v1/Hello.ts';
import type { VersionListInput as _mcpgw_discovery_v1_VersionListInput, VersionList as _mcpgw_discovery_v1_VersionList } from '../../../mcpgw/discovery/v1/VersionList.ts';
import type { AcknowledgmentInput as _mcpgw_discovery_v1_AcknowledgmentInput, Acknowledgment as _mcpgw_discovery_v1_Acknowledgment } from '../../../mcpgw/discovery/v1/Acknowledgment.ts';

export interface NodeMessageInput {
  'hello'?: (_mcpgw_discovery_v1_HelloInput | null);
  'versionList'?: (_mcpgw_discovery_v1_VersionListInput | null);
  'acknowledgment'?: (_mcpgw_discovery_v1_AcknowledgmentInput | null);
  'message'?: "hello"|"versionList"|"acknowledgment";
}

export interface NodeMessage {
  'hello'?: (_mcpgw_discovery_v1_Hello | null);
  'versionList'?: (_mcpgw_discovery_v1_VersionList | null);
  'acknowledgment'?: (_mcpgw_discovery_v1_Acknowledgment | null);
  'message'?: "hello"|"versionList"|"acknowledgment";
}
