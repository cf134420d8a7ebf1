// Generated from proto/ by `npm run generate`; edit the .proto file.

export interface RoleMappingInput {
  'value'?: (string);
  'role'?: (string);
}

export interface RoleMapping {
  'value': (string);
  'role': (string);
}
