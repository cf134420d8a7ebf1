import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root, run } from './pinned-node.mjs';
import { sourceHash } from './source-hash.mjs';

const dist = path.join(root, 'dist');
const stampFile = '.built-from';

/** Makes `fresh` the build. Two builds at once are of the same sources: either may be the one that stays. */
function putInPlace(fresh) {
  const old = `${fresh}.old`;
  try {
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(fresh, dist);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
  }
  for (const folder of [old, fresh]) rmSync(folder, { recursive: true, force: true });
}

/** Compiles the product into dist/ and puts the contracts beside it. Ends the process on a type error. */
export function compile() {
  console.log('▸ building');
  const builtFrom = sourceHash();
  // Built beside and then put in place, for whoever runs what is there.
  const fresh = path.join(root, 'out', `dist.${process.pid}`);
  const args = ['-p', 'tsconfig.build.json', '--outDir', fresh];
  const status = run(['node_modules/typescript/bin/tsc', ...args]);
  if (status !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    process.exit(status);
  }
  cpSync(path.join(root, 'proto', 'mcpgw'), path.join(fresh, 'proto', 'mcpgw'), {
    recursive: true,
  });
  cpSync(path.join(root, 'configs'), path.join(fresh, 'configs'), { recursive: true });
  writeFileSync(path.join(fresh, stampFile), builtFrom);
  putInPlace(fresh);
}

/** Compiles unless dist/ was built from these very sources, so that a second start is immediate. */
export function compileIfNeeded() {
  const stamp = path.join(dist, stampFile);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sourceHash()) return;
  compile();
}
