// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { WelcomeInput as _mcpgw_discovery_v1_WelcomeInput, Welcome as _mcpgw_discovery_v1_Welcome } from '../../../mcpgw/discovery/v1/Welcome.ts';
import type { VersionListRequestInput as _mcpgw_discovery_v1_VersionListRequestInput, VersionListRequest as _mcpgw_discovery_v1_VersionListRequest } from '../../../mcpgw/discovery/v1/VersionListRequest.ts';
import type { RangeChunkInput as _mcpgw_discovery_v1_RangeChunkInput, RangeChunk as _mcpgw_discovery_v1_RangeChunk } from '../../../mcpgw/discovery/v1/RangeChunk.ts';
import type { HeartbeatInput as _mcpgw_discovery_v1_HeartbeatInput, Heartbeat as _mcpgw_discovery_v1_Heartbeat } from '../../../mcpgw/discovery/v1/Heartbeat.ts';

export interface ControlMessageInput {
  'welcome'?: (_mcpgw_discovery_v1_WelcomeInput | null);
  'versionListRequest'?: (_mcpgw_discovery_v1_VersionListRequestInput | null);
  'rangeChunk'?: (_mcpgw_discovery_v1_RangeChunkInput | null);
  'heartbeat'?: (_mcpgw_discovery_v1_HeartbeatInput | null);
  'message'?: "welcome"|"versionListRequest"|"rangeChunk"|"heartbeat";
}

export interface ControlMessage {
  'welcome'?: (_mcpgw_discovery_v1_Welcome | null);
  'versionListRequest'?: (_mcpgw_discovery_v1_VersionListRequest | null);
  'rangeChunk'?: (_mcpgw_discovery_v1_RangeChunk | null);
  'heartbeat'?: (_mcpgw_discovery_v1_Heartbeat | null);
  'message'?: "welcome"|"versionListRequest"|"rangeChunk"|"heartbeat";
}
