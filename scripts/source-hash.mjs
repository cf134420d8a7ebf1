import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './pinned-node.mjs';

const folders = [
  'common',
  'configs',
  'control-plane',
  'data-plane',
  'migrations',
  'proto',
  'quickstart',
];
const files = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];

function filesBelow(folder) {
  return readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
}

/** SHA-256 over the names and contents of everything that the build reads. */
export function sourceHash() {
  const hash = createHash('sha256');
  for (const file of [...files, ...folders.flatMap(filesBelow)].sort()) {
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(path.join(root, file)))
      .update('\0');
  }
  return hash.digest('hex');
}
