// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { TransportInput as _mcpgw_resources_v1_TransportInput, Transport as _mcpgw_resources_v1_Transport } from '../../../mcpgw/resources/v1/Transport.ts';
import type { EraInput as _mcpgw_resources_v1_EraInput, Era as _mcpgw_resources_v1_Era } from '../../../mcpgw/resources/v1/Era.ts';
import type { EndpointInput as _mcpgw_resources_v1_EndpointInput, Endpoint as _mcpgw_resources_v1_Endpoint } from '../../../mcpgw/resources/v1/Endpoint.ts';
import type { UpstreamCredentialInput as _mcpgw_resources_v1_UpstreamCredentialInput, UpstreamCredential as _mcpgw_resources_v1_UpstreamCredential } from '../../../mcpgw/resources/v1/UpstreamCredential.ts';
import type { LabelInput as _mcpgw_resources_v1_LabelInput, Label as _mcpgw_resources_v1_Label } from '../../../mcpgw/resources/v1/Label.ts';

/**
 * An MCP server that agents reach under `/{organization slug}/{server slug}/mcp`.
 */
export interface ServerInput {
  'id'?: (string);
  'organizationId'?: (string);
  /**
   * Second segment of the proxy's path, unique in the organization.
   */
  'slug'?: (string);
  'enabled'?: (boolean);
  'transport'?: (_mcpgw_resources_v1_TransportInput);
  /**
   * ERA_UNSPECIFIED: each node detects it.
   */
  'era'?: (_mcpgw_resources_v1_EraInput);
  'endpoints'?: (_mcpgw_resources_v1_EndpointInput)[];
  'credential'?: (_mcpgw_resources_v1_UpstreamCredentialInput | null);
  /**
   * 0: the node's own setting.
   */
  'connectTimeoutMs'?: (number);
  'requestTimeoutMs'?: (number);
  /**
   * In the order of their names.
   */
  'labels'?: (_mcpgw_resources_v1_LabelInput)[];
}

/**
 * An MCP server that agents reach under `/{organization slug}/{server slug}/mcp`.
 */
export interface Server {
  'id': (string);
  'organizationId': (string);
  /**
   * Second segment of the proxy's path, unique in the organization.
   */
  'slug': (string);
  'enabled': (boolean);
  'transport': (_mcpgw_resources_v1_Transport);
  /**
   * ERA_UNSPECIFIED: each node detects it.
   */
  'era': (_mcpgw_resources_v1_Era);
  'endpoints': (_mcpgw_resources_v1_Endpoint)[];
  'credential': (_mcpgw_resources_v1_UpstreamCredential | null);
  /**
   * 0: the node's own setting.
   */
  'connectTimeoutMs': (number);
  'requestTimeoutMs': (number);
  /**
   * In the order of their names.
   */
  'labels': (_mcpgw_resources_v1_Label)[];
}
