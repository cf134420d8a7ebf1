import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface SpoolLock {
  release(): void;
}

/**
 * Makes this process the only one that writes a spool. Node offers no file lock; SQLite does, and the
 * kernel gives it up when the process dies in whatever way: unlike a file with a process id it can't
 * be left behind, nor mistaken when ids are reused or two containers share a volume.
 * @throws when another process, or this one, holds the lock.
 */
export function lockSpool(folder: string): SpoolLock {
  const database = new DatabaseSync(path.join(folder, 'lock.sqlite'));
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    throw new Error(`The event spool in ${folder} is in use by another process.`, { cause: error });
  }
  return { release: () => database.close() };
}
