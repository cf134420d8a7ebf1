// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { ScopeInput as _mcpgw_discovery_v1_ScopeInput, Scope as _mcpgw_discovery_v1_Scope } from '../../../mcpgw/discovery/v1/Scope.ts';

/**
 * Envelope of a resource. `scope` stands outside the body, so that a resource whose body a node can't
 * use still says what it targets and can fail closed there.
 */
export interface ResourceInput {
  /**
   * Name of the body's message in mcpgw.resources.v1, such as `ApiKey`.
   */
  'type'?: (string);
  /**
   * Unique within its type.
   */
  'name'?: (string);
  /**
   * Content hash: the first 16 bytes of SHA-256 over scope and body, in hex (common/resource-version.ts).
   */
  'version'?: (string);
  'scope'?: (_mcpgw_discovery_v1_ScopeInput | null);
  /**
   * The encoded message; fields in number order, defaults omitted. Empty when `withheld`.
   */
  'body'?: (Buffer | Uint8Array | string);
  /**
   * This build refused this version before: it is not sent again, but what it targets must go on
   * failing closed, also on a node that starts empty. Of the types that don't restrict, the last good
   * stays, if there is one.
   */
  'withheld'?: (boolean);
}

/**
 * Envelope of a resource. `scope` stands outside the body, so that a resource whose body a node can't
 * use still says what it targets and can fail closed there.
 */
export interface Resource {
  /**
   * Name of the body's message in mcpgw.resources.v1, such as `ApiKey`.
   */
  'type': (string);
  /**
   * Unique within its type.
   */
  'name': (string);
  /**
   * Content hash: the first 16 bytes of SHA-256 over scope and body, in hex (common/resource-version.ts).
   */
  'version': (string);
  'scope': (_mcpgw_discovery_v1_Scope | null);
  /**
   * The encoded message; fields in number order, defaults omitted. Empty when `withheld`.
   */
  'body': (Buffer);
  /**
   * This build refused this version before: it is not sent again, but what it targets must go on
   * failing closed, also on a node that starts empty. Of the types that don't restrict, the last good
   * stays, if there is one.
   */
  'withheld': (boolean);
}
