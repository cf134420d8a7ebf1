// Generated from proto/ by `npm run generate`; edit the .proto file.

export interface ResourceVersionInput {
  'name'?: (string);
  'version'?: (string);
}

export interface ResourceVersion {
  'name': (string);
  'version': (string);
}
