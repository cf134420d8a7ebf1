// Generated from proto/ by `npm run generate`; edit the .proto file.

export interface ResourceNameInput {
  'type'?: (string);
  'name'?: (string);
}

export interface ResourceName {
  'type': (string);
  'name': (string);
}
