import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** The secret that a file of the data folder holds; undefined when there is none yet. */
export function readSecretFile(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Keeps a secret for the next start, readable by its owner only. */
export function writeSecretFile(file: string, secret: string): void {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${secret}\n`, { mode: 0o600 });
  renameSync(temporary, file);
}

/** The secret that a file of the data folder holds, made of `bytes` random bytes at the first start. */
export function secretFromFile(file: string, bytes: number): string {
  const earlier = readSecretFile(file);
  if (earlier !== undefined) return earlier;
  const secret = randomBytes(bytes).toString('base64url');
  writeSecretFile(file, secret);
  return secret;
}
