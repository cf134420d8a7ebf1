// Generated from proto/ by `npm run generate`; edit the .proto file.

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
}
