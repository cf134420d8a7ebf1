// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { PolicyEffectInput as _mcpgw_resources_v1_PolicyEffectInput, PolicyEffect as _mcpgw_resources_v1_PolicyEffect } from '../../../mcpgw/resources/v1/PolicyEffect.ts';
import type { PolicyModeInput as _mcpgw_resources_v1_PolicyModeInput, PolicyMode as _mcpgw_resources_v1_PolicyMode } from '../../../mcpgw/resources/v1/PolicyMode.ts';

/**
 * A rule about calls. A node that can't use one denies what its scope targets. Its name in the stream is
 * its id. A list that is empty restricts nothing.
 */
export interface PolicyInput {
  'id'?: (string);
  'organizationId'?: (string);
  /**
   * Shown to callers that it denies.
   */
  'name'?: (string);
  /**
   * CEL source; empty: always.
   */
  'condition'?: (string);
  /**
   * Counts the policy's changes, from 1; decisions name it.
   */
  'revision'?: (number);
  'effect'?: (_mcpgw_resources_v1_PolicyEffectInput);
  'mode'?: (_mcpgw_resources_v1_PolicyModeInput);
  /**
   * Place in the organization's order. Of several policies that decide alike the first one is named.
   */
  'position'?: (number);
  /**
   * Said to callers that it denies; may be empty.
   */
  'message'?: (string);
  /**
   * Patterns: slugs of servers.
   */
  'servers'?: (string)[];
  /**
   * Patterns: JSON-RPC methods.
   */
  'methods'?: (string)[];
  /**
   * Patterns of what is called. A call matches one of these three lists, or all three are empty.
   */
  'tools'?: (string)[];
  'resources'?: (string)[];
  'prompts'?: (string)[];
  /**
   * Whom it is about. A caller is in one of these three lists, or all three are empty.
   */
  'roles'?: (string)[];
  /**
   * Stable subjects, such as `user:<id>`.
   */
  'subjects'?: (string)[];
  /**
   * Public ids of API keys.
   */
  'apiKeys'?: (string)[];
}

/**
 * A rule about calls. A node that can't use one denies what its scope targets. Its name in the stream is
 * its id. A list that is empty restricts nothing.
 */
export interface Policy {
  'id': (string);
  'organizationId': (string);
  /**
   * Shown to callers that it denies.
   */
  'name': (string);
  /**
   * CEL source; empty: always.
   */
  'condition': (string);
  /**
   * Counts the policy's changes, from 1; decisions name it.
   */
  'revision': (number);
  'effect': (_mcpgw_resources_v1_PolicyEffect);
  'mode': (_mcpgw_resources_v1_PolicyMode);
  /**
   * Place in the organization's order. Of several policies that decide alike the first one is named.
   */
  'position': (number);
  /**
   * Said to callers that it denies; may be empty.
   */
  'message': (string);
  /**
   * Patterns: slugs of servers.
   */
  'servers': (string)[];
  /**
   * Patterns: JSON-RPC methods.
   */
  'methods': (string)[];
  /**
   * Patterns of what is called. A call matches one of these three lists, or all three are empty.
   */
  'tools': (string)[];
  'resources': (string)[];
  'prompts': (string)[];
  /**
   * Whom it is about. A caller is in one of these three lists, or all three are empty.
   */
  'roles': (string)[];
  /**
   * Stable subjects, such as `user:<id>`.
   */
  'subjects': (string)[];
  /**
   * Public ids of API keys.
   */
  'apiKeys': (string)[];
}
