// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { SealKeyInput as _mcpgw_resources_v1_SealKeyInput, SealKey as _mcpgw_resources_v1_SealKey } from '../../../mcpgw/resources/v1/SealKey.ts';

/**
 * Keys that seal session ids and other values that clients carry for us. One ring for each node group.
 */
export interface SealKeyRingInput {
  'keys'?: (_mcpgw_resources_v1_SealKeyInput)[];
}

/**
 * Keys that seal session ids and other values that clients carry for us. One ring for each node group.
 */
export interface SealKeyRing {
  'keys': (_mcpgw_resources_v1_SealKey)[];
}
