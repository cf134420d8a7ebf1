// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { ScopeModeInput as _mcpgw_resources_v1_ScopeModeInput, ScopeMode as _mcpgw_resources_v1_ScopeMode } from '../../../mcpgw/resources/v1/ScopeMode.ts';
import type { RoleMappingInput as _mcpgw_resources_v1_RoleMappingInput, RoleMapping as _mcpgw_resources_v1_RoleMapping } from '../../../mcpgw/resources/v1/RoleMapping.ts';

/**
 * An authorization server whose access tokens a node accepts (RFC 9068, RFC 9728). Its name in the stream
 * is its id.
 */
export interface IssuerInput {
  'id'?: (string);
  /**
   * Empty: the gateway itself, whose tokens name their organization.
   */
  'organizationId'?: (string);
  /**
   * Value of `iss`, compared to the letter.
   */
  'issuer'?: (string);
  /**
   * JSON Web Key Set (RFC 7517) as JSON: public keys only, those that fit `algorithms`.
   */
  'jwks'?: (string);
  /**
   * Signature algorithms that count, such as EdDSA, ES256 or RS256.
   */
  'algorithms'?: (string)[];
  'scopeMode'?: (_mcpgw_resources_v1_ScopeModeInput);
  /**
   * Path of the claim whose values are mapped to roles, its parts apart; empty: none.
   */
  'roleClaim'?: (string)[];
  /**
   * In order; the first match counts.
   */
  'roleMappings'?: (_mcpgw_resources_v1_RoleMappingInput)[];
  /**
   * Role of who matches no mapping; empty: refused.
   */
  'defaultRole'?: (string);
}

/**
 * An authorization server whose access tokens a node accepts (RFC 9068, RFC 9728). Its name in the stream
 * is its id.
 */
export interface Issuer {
  'id': (string);
  /**
   * Empty: the gateway itself, whose tokens name their organization.
   */
  'organizationId': (string);
  /**
   * Value of `iss`, compared to the letter.
   */
  'issuer': (string);
  /**
   * JSON Web Key Set (RFC 7517) as JSON: public keys only, those that fit `algorithms`.
   */
  'jwks': (string);
  /**
   * Signature algorithms that count, such as EdDSA, ES256 or RS256.
   */
  'algorithms': (string)[];
  'scopeMode': (_mcpgw_resources_v1_ScopeMode);
  /**
   * Path of the claim whose values are mapped to roles, its parts apart; empty: none.
   */
  'roleClaim': (string)[];
  /**
   * In order; the first match counts.
   */
  'roleMappings': (_mcpgw_resources_v1_RoleMapping)[];
  /**
   * Role of who matches no mapping; empty: refused.
   */
  'defaultRole': (string);
}
