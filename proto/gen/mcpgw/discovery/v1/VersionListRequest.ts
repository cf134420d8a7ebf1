// Generated from proto/ by `npm run generate`; edit the .proto file.

export interface VersionListRequestInput {
  'types'?: (string)[];
}

export interface VersionListRequest {
  'types': (string)[];
}
