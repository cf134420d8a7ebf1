import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './pinned-node.mjs';

function lockedPackages(...names) {
  try {
    return JSON.parse(readFileSync(path.join(root, ...names), 'utf8')).packages;
  } catch {
    return {};
  }
}

/**
 * Whether node_modules holds what package-lock.json names. npm writes node_modules/.package-lock.json last,
 * so that an installation that was cut short doesn't count. Compared by content: times say nothing after a
 * `git checkout` or a copy.
 */
function isInstalled() {
  const wanted = lockedPackages('package-lock.json');
  const found = lockedPackages('node_modules', '.package-lock.json');
  return Object.entries(wanted).every(([location, { version, optional, devOptional }]) => {
    if (location === '') return true;
    return location in found ? found[location].version === version : optional || devOptional;
  });
}

/** Installs the locked packages unless they are there already. Needs no package and any Node ≥ 20. */
export function installIfNeeded() {
  if (isInstalled()) return;
  console.log('▸ installing packages (npm ci; about a minute the first time)');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (result.error !== undefined) console.error(`✗ npm could not be run: ${result.error.message}`);
  if (result.status !== 0) {
    console.error('✗ npm ci failed; its own message stands above.');
    process.exit(result.status ?? 1);
  }
}
