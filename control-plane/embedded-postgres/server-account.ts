import { readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';

/** The system user that PostgreSQL runs as: it refuses to run as root. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

/** `nobody` when this process is root; undefined: PostgreSQL runs as this process's own user. */
export function serverAccount(uid: number, passwdFile = '/etc/passwd'): ServerAccount | undefined {
  if (uid !== 0) return undefined;
  const line = readFileSync(passwdFile, 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('nobody:'));
  const [, , nobodyUid, nobodyGid] = line?.split(':') ?? [];
  if (nobodyUid === undefined || nobodyGid === undefined) {
    throw new Error('PostgreSQL can’t run as root, and there is no user "nobody" to run it as.');
  }
  return { uid: Number(nobodyUid), gid: Number(nobodyGid) };
}

const executeBits = 0o001;

/** Whether a user without any special right may pass every folder down to `directory`. */
export function passableByOthers(directory: string): boolean {
  let folder = realpathSync(directory);
  for (;;) {
    if ((statSync(folder).mode & executeBits) === 0) return false;
    const parent = path.dirname(folder);
    if (parent === folder) return true;
    folder = parent;
  }
}
