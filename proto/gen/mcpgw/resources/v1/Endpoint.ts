// Generated from proto/ by `npm run generate`; edit the .proto file.

export interface EndpointInput {
  'id'?: (string);
  /**
   * Absolute http or https URL of the MCP endpoint.
   */
  'url'?: (string);
  /**
   * Relative share of calls, 1 to 1,000.
   */
  'weight'?: (number);
}

export interface Endpoint {
  'id': (string);
  /**
   * Absolute http or https URL of the MCP endpoint.
   */
  'url': (string);
  /**
   * Relative share of calls, 1 to 1,000.
   */
  'weight': (number);
}
