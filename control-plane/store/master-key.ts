import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { Secret } from './secret.ts';

const keyBytes = 32;
const fileBytesMax = 1024;

/**
 * The installation's root secret: 32 bytes from which keys for each purpose are derived (HKDF-SHA-256,
 * RFC 5869), so that no two uses share a key. It wraps data keys and never leaves the process.
 */
export class MasterKey {
  readonly #key: Secret<Uint8Array>;
  /** Names the key without telling it: stored beside what it wrapped. */
  readonly id: string;

  /** @throws unless `key` has 32 bytes. */
  constructor(key: Uint8Array) {
    if (key.length !== keyBytes) throw new Error(`A master key has ${keyBytes} bytes.`);
    this.#key = new Secret(Uint8Array.from(key));
    this.id = createHash('sha256')
      .update('mcpgw master key id\0')
      .update(this.derive('key-id', keyBytes).reveal())
      .digest('hex')
      .slice(0, 16);
  }

  /** A key for one purpose, such as `envelope`; the same purpose gives the same key. */
  derive(purpose: string, bytes: number = keyBytes): Secret<Uint8Array> {
    const info = `mcpgw/${purpose}`;
    return new Secret(new Uint8Array(hkdfSync('sha256', this.#key.reveal(), '', info, bytes)));
  }
}

function decodeKey(content: Buffer): Uint8Array | undefined {
  if (content.length === keyBytes) return content;
  const text = content.toString('latin1').trim();
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return undefined;
  const decoded = Buffer.from(text, 'base64');
  return decoded.length === keyBytes ? decoded : undefined;
}

function readKeyFile(file: string): MasterKey {
  const descriptor = openSync(file, constants.O_RDONLY);
  try {
    const { mode, size } = fstatSync(descriptor);
    if ((mode & 0o077) !== 0) {
      throw new Error(
        `The master key file ${file} can be read by others (mode ${(mode & 0o777).toString(8)}). Use chmod 600.`,
      );
    }
    const key = size <= fileBytesMax ? decodeKey(readFileSync(descriptor)) : undefined;
    if (key === undefined) {
      throw new Error(`The master key file ${file} must hold 32 bytes, raw or in base64.`);
    }
    return new MasterKey(key);
  } finally {
    closeSync(descriptor);
  }
}

function createKeyFile(file: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(descriptor, `${randomBytes(keyBytes).toString('base64')}\n`);
    // What it wraps is lost without it: it must not be lost to a power cut after the first secret.
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return true;
}

/**
 * Reads the master key: 32 bytes, raw or in base64 (either alphabet). With `create`, a missing file is
 * made with mode 0600.
 * @throws when the file is missing, is readable by group or others, or holds something else; no message
 * shows the content.
 */
export function loadMasterKey(file: string, options: { readonly create: boolean }): MasterKey {
  if (options.create) createKeyFile(file);
  return readKeyFile(file);
}
