// Generated from proto/ by `npm run generate`; edit the .proto file.

export interface RejectedResourceInput {
  'type'?: (string);
  'name'?: (string);
  'version'?: (string);
  /**
   * Field path inside the resource, such as `endpoints[0].url`; empty for the whole resource.
   */
  'path'?: (string);
  'message'?: (string);
}

export interface RejectedResource {
  'type': (string);
  'name': (string);
  'version': (string);
  /**
   * Field path inside the resource, such as `endpoints[0].url`; empty for the whole resource.
   */
  'path': (string);
  'message': (string);
}
