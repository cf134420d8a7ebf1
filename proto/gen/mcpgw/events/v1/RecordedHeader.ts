// Generated from proto/ by `npm run generate`; edit the .proto file.

export interface RecordedHeaderInput {
  'name'?: (string);
  'value'?: (string);
}

export interface RecordedHeader {
  'name': (string);
  'value': (string);
}
