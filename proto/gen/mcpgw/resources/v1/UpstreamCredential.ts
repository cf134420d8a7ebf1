// Generated from proto/ by `npm run generate`; edit the .proto file.

/**
 * What the gateway presents to an upstream. It never comes from a client.
 */
export interface UpstreamCredentialInput {
  /**
   * Header name, such as `authorization` or `x-api-key`; empty: no credential.
   */
  'header'?: (string);
  /**
   * The whole header value, `Bearer …` included. A secret.
   */
  'value'?: (string);
}

/**
 * What the gateway presents to an upstream. It never comes from a client.
 */
export interface UpstreamCredential {
  /**
   * Header name, such as `authorization` or `x-api-key`; empty: no credential.
   */
  'header': (string);
  /**
   * The whole header value, `Bearer …` included. A secret.
   */
  'value': (string);
}
