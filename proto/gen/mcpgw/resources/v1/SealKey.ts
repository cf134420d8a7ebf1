// Generated from proto/ by `npm run generate`; edit the .proto file.

export interface SealKeyInput {
  /**
   * Short id that a sealed value names.
   */
  'id'?: (string);
  /**
   * 32 bytes, for AES-256-GCM. A secret.
   */
  'key'?: (Buffer | Uint8Array | string);
  /**
   * New values are sealed with the primary; the others only open.
   */
  'primary'?: (boolean);
}

export interface SealKey {
  /**
   * Short id that a sealed value names.
   */
  'id': (string);
  /**
   * 32 bytes, for AES-256-GCM. A secret.
   */
  'key': (Buffer);
  /**
   * New values are sealed with the primary; the others only open.
   */
  'primary': (boolean);
}
