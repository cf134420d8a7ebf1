import {
  createCipheriv,
  createDecipheriv,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { syncFolder } from './sync-folder.ts';

/** Why a sealed file can't be used. */
export type SealedFileProblem = 'foreign' | 'other_key' | 'corrupt' | 'too_large';

export class SealedFileError extends Error {
  readonly problem: SealedFileProblem;

  constructor(problem: SealedFileProblem, message: string) {
    super(message);
    this.name = 'SealedFileError';
    this.problem = problem;
  }
}

/*
 * magic (8) | salt (32) | key check (16) | frames
 * frame: length of the sealed bytes (4) | CRC-32 of them (4) | ciphertext | tag (16)
 * A frame's nonce is its index and whether it is the last: frames can't be reordered, and a file cut
 * between two of them lacks its last. The salt is new for each file, and with it the key.
 */
const magic = Buffer.from('MCPGWS01');
const saltBytes = 32;
const keyCheckBytes = 16;
const headBytes = magic.length + saltBytes + keyCheckBytes;
const frameHeadBytes = 8;
const tagBytes = 16;
const frameBytesMax = 8 * 1024 * 1024;
const algorithm = 'aes-256-gcm';

function derive(secret: string, salt: Buffer, use: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, `mcpgw sealed file ${use}`, length));
}

function frameNonce(index: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(index));
  nonce.writeUInt32BE(last ? 1 : 0, 8);
  return nonce;
}

function sealFrame(key: Buffer, index: number, last: boolean, plain: Buffer): Buffer {
  const cipher = createCipheriv(algorithm, key, frameNonce(index, last));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  const head = Buffer.alloc(frameHeadBytes);
  head.writeUInt32BE(sealed.length);
  head.writeUInt32BE(crc32(sealed), 4);
  return Buffer.concat([head, sealed]);
}

function openFrame(key: Buffer, index: number, last: boolean, sealed: Buffer): Buffer {
  const decipher = createDecipheriv(algorithm, key, frameNonce(index, last));
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  return Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()]);
}

async function writeFrames(
  handle: FileHandle,
  secret: string,
  blocks: AsyncIterable<Buffer>,
  fileBytesMax: number,
): Promise<void> {
  const salt = randomBytes(saltBytes);
  const key = derive(secret, salt, 'key', 32);
  await handle.write(Buffer.concat([magic, salt, derive(secret, salt, 'check', keyCheckBytes)]));
  let bytes = headBytes;
  let index = 0;
  const write = async (plain: Buffer, last: boolean): Promise<void> => {
    const frame = sealFrame(key, index, last, plain);
    index += 1;
    bytes += frame.length;
    if (bytes > fileBytesMax) {
      throw new SealedFileError(
        'too_large',
        `The file would have more than ${fileBytesMax} bytes.`,
      );
    }
    await handle.writev([frame]);
  };
  for await (const block of blocks) await write(block, false);
  await write(Buffer.alloc(0), true);
}

/**
 * Writes blocks into a file that only `secret` opens. The file is complete or as it was before: a copy
 * is written, synced and renamed. Mode 0600.
 * @throws {SealedFileError} `too_large`, and whatever the file system throws.
 */
export async function writeSealedFile(
  file: string,
  secret: string,
  blocks: AsyncIterable<Buffer>,
  fileBytesMax: number,
): Promise<void> {
  const copy = `${file}.tmp`;
  const handle = await open(copy, 'w', 0o600);
  try {
    await writeFrames(handle, secret, blocks, fileBytesMax);
    await handle.sync();
  } catch (error) {
    await rm(copy, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await rename(copy, file);
  await syncFolder(path.dirname(file));
}

async function readExactly(handle: FileHandle, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled);
    if (bytesRead === 0) throw new SealedFileError('corrupt', 'The file is cut short.');
    filled += bytesRead;
  }
  return buffer;
}

async function readKey(handle: FileHandle, secret: string): Promise<Buffer> {
  const head = await readExactly(handle, headBytes);
  if (!head.subarray(0, magic.length).equals(magic)) {
    throw new SealedFileError('foreign', 'The file is of another format.');
  }
  const salt = head.subarray(magic.length, magic.length + saltBytes);
  const check = derive(secret, salt, 'check', keyCheckBytes);
  if (!timingSafeEqual(check, head.subarray(magic.length + saltBytes))) {
    throw new SealedFileError('other_key', 'The file was sealed with another credential.');
  }
  return derive(secret, salt, 'key', 32);
}

async function readFrame(
  handle: FileHandle,
  key: Buffer,
  index: number,
  last: (frameEnd: number) => boolean,
  offset: number,
): Promise<{ plain: Buffer; end: number }> {
  const head = await readExactly(handle, frameHeadBytes);
  const length = head.readUInt32BE();
  if (length < tagBytes || length > frameBytesMax) {
    throw new SealedFileError('corrupt', 'A frame has an impossible length.');
  }
  const sealed = await readExactly(handle, length);
  if (crc32(sealed) !== head.readUInt32BE(4)) {
    throw new SealedFileError('corrupt', 'A frame’s checksum differs.');
  }
  const end = offset + frameHeadBytes + length;
  try {
    return { plain: openFrame(key, index, last(end), sealed), end };
  } catch {
    throw new SealedFileError('corrupt', 'A frame can’t be opened where it stands.');
  }
}

/**
 * Reads the blocks of a sealed file. Nothing may be made of them before the last has been read.
 * @throws {SealedFileError}, and whatever the file system throws, such as ENOENT.
 */
export async function* readSealedFile(
  file: string,
  secret: string,
  fileBytesMax: number,
): AsyncGenerator<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    if (size > fileBytesMax) {
      throw new SealedFileError('too_large', `The file has more than ${fileBytesMax} bytes.`);
    }
    const key = await readKey(handle, secret);
    const last = (end: number): boolean => end === size;
    let offset = headBytes;
    let index = 0;
    do {
      const { plain, end } = await readFrame(handle, key, index, last, offset);
      offset = end;
      index += 1;
      if (!last(end)) yield plain;
    } while (!last(offset));
  } finally {
    await handle.close();
  }
}
