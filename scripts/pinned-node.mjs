import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Path of the Node binary that package-lock.json pins; the machine's own may be older. */
export function pinnedNode() {
  const pinned = path.join(root, 'node_modules', '.bin', 'node');
  if (existsSync(pinned)) return pinned;
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 24) return process.execPath;
  throw new Error(
    `No pinned Node for ${process.platform}-${process.arch}, and this Node is ${process.version}. Install Node 24 and run the command again.`,
  );
}

/** Environment in which `node` and the package binaries are the pinned ones. */
export function pinnedEnvironment() {
  const bin = path.join(root, 'node_modules', '.bin');
  return { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH ?? ''}` };
}

/**
 * Runs one of the package's commands on the pinned Node and ends this process when it fails.
 * `args[0]` is a script below the root.
 */
export function run(args, options = {}) {
  const result = spawnSync(pinnedNode(), args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...pinnedEnvironment(), ...options.env },
  });
  if (result.error) throw result.error;
  return result.status ?? 1;
}
