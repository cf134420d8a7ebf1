// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { HintInput as _mcpgw_resources_v1_HintInput, Hint as _mcpgw_resources_v1_Hint } from '../../../mcpgw/resources/v1/Hint.ts';

/**
 * As the definition says. Absent hints are to be taken as the specification's cautious defaults.
 */
export interface ToolAnnotationsInput {
  'title'?: (string);
  'readOnly'?: (_mcpgw_resources_v1_HintInput);
  'destructive'?: (_mcpgw_resources_v1_HintInput);
  'idempotent'?: (_mcpgw_resources_v1_HintInput);
  'openWorld'?: (_mcpgw_resources_v1_HintInput);
}

/**
 * As the definition says. Absent hints are to be taken as the specification's cautious defaults.
 */
export interface ToolAnnotations {
  'title': (string);
  'readOnly': (_mcpgw_resources_v1_Hint);
  'destructive': (_mcpgw_resources_v1_Hint);
  'idempotent': (_mcpgw_resources_v1_Hint);
  'openWorld': (_mcpgw_resources_v1_Hint);
}
