import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { root } from './pinned-node.mjs';

function modifiedMs(...names) {
  return statSync(path.join(root, ...names), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/**
 * Installs the locked packages unless they are there already. npm writes node_modules/.package-lock.json
 * last, so that it is newer than the lockfile exactly when an installation of it was completed. Needs no
 * package and any Node ≥ 20.
 */
export function installIfNeeded() {
  if (modifiedMs('node_modules', '.package-lock.json') >= modifiedMs('package-lock.json')) return;
  console.log('▸ installing packages (npm ci; about a minute the first time)');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (result.status !== 0) {
    console.error('✗ npm ci failed; its own message stands above.');
    process.exit(result.status ?? 1);
  }
}
