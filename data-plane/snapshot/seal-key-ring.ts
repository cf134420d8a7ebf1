export interface SealKeyEntry {
  /** Short id that a sealed value names. */
  readonly id: string;
  /** 32 bytes, for AES-256-GCM. */
  readonly key: Uint8Array;
}

/** Keys for values that clients carry for us: new ones are sealed with the primary, any key opens. */
export interface SealKeyRing {
  readonly primary: SealKeyEntry;
  find(id: string): SealKeyEntry | undefined;
}
