import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './pinned-node.mjs';

const stamp = path.join(root, 'node_modules', '.installed-lockfile');

/** SHA-256 of the lockfile: what was installed is current exactly when its stamp has this value. */
function lockfileHash() {
  return createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
}

/** Installs the locked packages unless they are there already. Needs no dependency and any Node ≥ 20. */
export function installIfNeeded() {
  const wanted = lockfileHash();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.log('▸ installing packages (npm ci; about a minute the first time)');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (result.status !== 0) {
    console.error('✗ npm ci failed; its own message stands above.');
    process.exit(result.status ?? 1);
  }
  writeFileSync(stamp, wanted);
}
