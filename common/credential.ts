import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Prefix of each kind of credential, so that secret scanners and people can tell them apart. */
export const credentialPrefix = {
  apiKey: 'mcpgw_',
  nodeToken: 'mcpgwn_',
  refreshToken: 'mcpgwr_',
  oneTimeToken: 'mcpgwo_',
} as const;
export type CredentialKind = keyof typeof credentialPrefix;

const idLength = 12;
const secretLength = 32;
const checksumLength = 6;

/** A credential as it is shown once, with what is stored of it. */
export interface NewCredential {
  readonly text: string;
  /** Public id: 12 base-62 characters. */
  readonly id: string;
  /** SHA-256 of `text`. The secret is random, so that no slow hash is needed. */
  readonly hash: Buffer;
}

function randomBase62(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length * 2)) {
      // 248 is the largest multiple of 62 in a byte: without the cut, low digits would be likelier.
      if (byte < 248 && text.length < length) text += alphabet[byte % 62];
    }
  }
  return text;
}

function checksum(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let digit = 0; digit < checksumLength; digit += 1) {
    text = alphabet[rest % 62] + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

/** SHA-256 of a credential's text, as stored. */
export function hashCredential(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Makes a credential: prefix, 12 characters of id, 32 of secret (190 bits), 6 of checksum. */
export function newCredential(kind: CredentialKind): NewCredential {
  const id = randomBase62(idLength);
  const body = `${credentialPrefix[kind]}${id}${randomBase62(secretLength)}`;
  const text = body + checksum(body);
  return { text, id, hash: hashCredential(text) };
}

/**
 * Public id of a well-formed credential, or undefined: a mistyped or cut credential is refused by its
 * checksum, without a look-up.
 */
export function credentialId(kind: CredentialKind, text: string): string | undefined {
  const prefix = credentialPrefix[kind];
  if (text.length !== prefix.length + idLength + secretLength + checksumLength) return undefined;
  if (!text.startsWith(prefix)) return undefined;
  const body = text.slice(0, -checksumLength);
  if (checksum(body) !== text.slice(-checksumLength)) return undefined;
  return body.slice(prefix.length, prefix.length + idLength);
}

/** Compares a presented credential with a stored hash in constant time. */
export function credentialMatches(text: string, hash: Uint8Array): boolean {
  const presented = hashCredential(text);
  return presented.length === hash.length && timingSafeEqual(presented, hash);
}
