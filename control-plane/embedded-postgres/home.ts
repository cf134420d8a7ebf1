import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { passableByOthers, type ServerAccount } from './server-account.ts';

/**
 * Where PostgreSQL's files go when its user can't pass the data directory. Persistent, unlike /tmp and
 * /var/tmp, which some systems clean by age.
 */
const defaultSharedDirectory = '/var/lib/mcpgw';

const locationFile = 'location.json';
const originFile = 'origin';

export interface HomeOptions {
  readonly dataDirectory: string;
  readonly account: ServerAccount | undefined;
  readonly sharedDirectory?: string;
}

function recordedHome(dataDirectory: string): string | undefined {
  const file = path.join(dataDirectory, locationFile);
  if (!existsSync(file)) return undefined;
  return (JSON.parse(readFileSync(file, 'utf8')) as { home: string }).home;
}

function originOf(home: string): string | undefined {
  const file = path.join(home, originFile);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** A data directory that was moved takes its home along; a copy must not use the original's. */
function adopt(home: string, dataDirectory: string): string {
  const origin = originOf(home);
  if (origin === undefined) {
    throw new Error(
      `${path.join(dataDirectory, locationFile)} names ${home}, which holds no database any more. ` +
        `Remove ${dataDirectory} to start afresh.`,
    );
  }
  if (origin !== dataDirectory) {
    if (recordedHome(origin) === home) {
      throw new Error(
        `${dataDirectory} is a copy of ${origin}, and both name the database in ${home}. ` +
          `Remove ${dataDirectory} to start afresh.`,
      );
    }
    writeFileSync(path.join(home, originFile), dataDirectory);
  }
  return home;
}

/**
 * Whether nobody can reach a home again: its data directory was of this very path and was removed, or it
 * was a temporary one and is gone. Any other that is gone may be on a volume that comes back.
 */
function abandoned(origin: string, dataDirectory: string): boolean {
  if (origin === dataDirectory) return true;
  return origin.startsWith(`${realpathSync(tmpdir())}${path.sep}`) && !existsSync(origin);
}

function removeAbandoned(sharedDirectory: string, dataDirectory: string): void {
  for (const name of readdirSync(sharedDirectory)) {
    const home = path.join(sharedDirectory, name);
    const origin = originOf(home);
    if (origin === undefined || !abandoned(origin, dataDirectory)) continue;
    // A server that is being stopped still writes there; a later start removes it.
    if (existsSync(path.join(home, 'data', 'postmaster.pid'))) continue;
    rmSync(home, { recursive: true, force: true });
  }
}

function createHome(sharedDirectory: string, dataDirectory: string): string {
  mkdirSync(sharedDirectory, { recursive: true });
  chmodSync(sharedDirectory, 0o755);
  if (!passableByOthers(sharedDirectory)) {
    throw new Error(
      `PostgreSQL can’t run as root, and its user can pass neither ${dataDirectory} nor ${sharedDirectory}.`,
    );
  }
  removeAbandoned(sharedDirectory, dataDirectory);
  const home = mkdtempSync(path.join(sharedDirectory, 'postgres-'));
  // Passable, but not to be listed.
  chmodSync(home, 0o711);
  writeFileSync(path.join(home, originFile), dataDirectory, { mode: 0o600 });
  writeFileSync(path.join(dataDirectory, locationFile), JSON.stringify({ home }), { mode: 0o600 });
  return home;
}

/**
 * The folder that holds the database (`data`) and, where needed, the programs: the data directory itself,
 * unless this process is root and PostgreSQL's user can't pass the folders above it (a clone below
 * /root). Then it is a folder of its own below /var/lib/mcpgw, which `location.json` in the data directory
 * names.
 * @throws when the data directory is a copy of another whose database it would share.
 */
export function postgresHome(options: HomeOptions): string {
  mkdirSync(options.dataDirectory, { recursive: true });
  const dataDirectory = realpathSync(options.dataDirectory);
  const recorded = recordedHome(dataDirectory);
  if (recorded !== undefined) return adopt(recorded, dataDirectory);
  if (options.account === undefined) return dataDirectory;
  if (existsSync(path.join(dataDirectory, 'data')) || passableByOthers(dataDirectory)) {
    return dataDirectory;
  }
  return createHome(options.sharedDirectory ?? defaultSharedDirectory, dataDirectory);
}
