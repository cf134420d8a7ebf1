// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { PolicyDefaultInput as _mcpgw_resources_v1_PolicyDefaultInput, PolicyDefault as _mcpgw_resources_v1_PolicyDefault } from '../../../mcpgw/resources/v1/PolicyDefault.ts';
import type { RefusalFormInput as _mcpgw_resources_v1_RefusalFormInput, RefusalForm as _mcpgw_resources_v1_RefusalForm } from '../../../mcpgw/resources/v1/RefusalForm.ts';
import type { ArgumentRecordingInput as _mcpgw_resources_v1_ArgumentRecordingInput, ArgumentRecording as _mcpgw_resources_v1_ArgumentRecording } from '../../../mcpgw/resources/v1/ArgumentRecording.ts';

/**
 * A tenant. Its name in the stream is its id.
 */
export interface OrganizationInput {
  'id'?: (string);
  /**
   * First segment of the proxy's path.
   */
  'slug'?: (string);
  'enabled'?: (boolean);
  /**
   * Calls are answered only once their record is on disk.
   */
  'mustAudit'?: (boolean);
  /**
   * Origins of browser clients that may call, exact; empty: none.
   */
  'allowedOrigins'?: (string)[];
  /**
   * Calls are refused while the node's view is older than this; 0: never.
   */
  'staleAfterSeconds'?: (number);
  /**
   * What becomes of a call that no policy decides. Unspecified: denied.
   */
  'policyDefault'?: (_mcpgw_resources_v1_PolicyDefaultInput);
  /**
   * How a tools/call that a policy denies is answered. Unspecified: as an HTTP status.
   */
  'toolRefusalForm'?: (_mcpgw_resources_v1_RefusalFormInput);
  /**
   * What of a call's arguments stands in its record. Unspecified: nothing.
   */
  'argumentRecording'?: (_mcpgw_resources_v1_ArgumentRecordingInput);
  /**
   * Longer arguments are not recorded, in bytes of JSON.
   */
  'argumentBytesMax'?: (number);
  /**
   * Request headers that conditions may read, in lower case.
   */
  'policyHeaders'?: (string)[];
}

/**
 * A tenant. Its name in the stream is its id.
 */
export interface Organization {
  'id': (string);
  /**
   * First segment of the proxy's path.
   */
  'slug': (string);
  'enabled': (boolean);
  /**
   * Calls are answered only once their record is on disk.
   */
  'mustAudit': (boolean);
  /**
   * Origins of browser clients that may call, exact; empty: none.
   */
  'allowedOrigins': (string)[];
  /**
   * Calls are refused while the node's view is older than this; 0: never.
   */
  'staleAfterSeconds': (number);
  /**
   * What becomes of a call that no policy decides. Unspecified: denied.
   */
  'policyDefault': (_mcpgw_resources_v1_PolicyDefault);
  /**
   * How a tools/call that a policy denies is answered. Unspecified: as an HTTP status.
   */
  'toolRefusalForm': (_mcpgw_resources_v1_RefusalForm);
  /**
   * What of a call's arguments stands in its record. Unspecified: nothing.
   */
  'argumentRecording': (_mcpgw_resources_v1_ArgumentRecording);
  /**
   * Longer arguments are not recorded, in bytes of JSON.
   */
  'argumentBytesMax': (number);
  /**
   * Request headers that conditions may read, in lower case.
   */
  'policyHeaders': (string)[];
}
