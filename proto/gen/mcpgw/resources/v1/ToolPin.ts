// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { ToolAnnotationsInput as _mcpgw_resources_v1_ToolAnnotationsInput, ToolAnnotations as _mcpgw_resources_v1_ToolAnnotations } from '../../../mcpgw/resources/v1/ToolAnnotations.ts';

/**
 * A tool's definition that an admin has approved: only from here do annotations count. Its name in the
 * stream is its id.
 */
export interface ToolPinInput {
  'id'?: (string);
  'organizationId'?: (string);
  'serverId'?: (string);
  /**
   * Name of the tool.
   */
  'tool'?: (string);
  /**
   * SHA-256 of the definition in canonical form.
   */
  'definitionHash'?: (Buffer | Uint8Array | string);
  'annotations'?: (_mcpgw_resources_v1_ToolAnnotationsInput | null);
}

/**
 * A tool's definition that an admin has approved: only from here do annotations count. Its name in the
 * stream is its id.
 */
export interface ToolPin {
  'id': (string);
  'organizationId': (string);
  'serverId': (string);
  /**
   * Name of the tool.
   */
  'tool': (string);
  /**
   * SHA-256 of the definition in canonical form.
   */
  'definitionHash': (Buffer);
  'annotations': (_mcpgw_resources_v1_ToolAnnotations | null);
}
