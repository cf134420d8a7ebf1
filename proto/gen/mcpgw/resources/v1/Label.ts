// Generated from proto/ by `npm run generate`; edit the .proto file.

/**
 * A word that admins give a server, for policies to read.
 */
export interface LabelInput {
  'name'?: (string);
  'value'?: (string);
}

/**
 * A word that admins give a server, for policies to read.
 */
export interface Label {
  'name': (string);
  'value': (string);
}
