import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compile } from './compile.mjs';
import { installIfNeeded } from './install.mjs';
import { pinnedEnvironment, pinnedNode, root } from './pinned-node.mjs';
import { sourceHash } from './source-hash.mjs';

installIfNeeded();

// A built tree is kept while its sources are the same, so that a second start is immediate.
const stamp = path.join(root, 'dist', '.built-from');
const wanted = sourceHash();
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  compile();
  writeFileSync(stamp, wanted);
}

// The IPC channel is how the child learns that this process is gone, also after kill -9.
const child = spawn(
  pinnedNode(),
  [path.join(root, 'dist', 'quickstart', 'main.js'), ...process.argv.slice(2)],
  { cwd: root, stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env: pinnedEnvironment() },
);
// A terminal sends Ctrl-C to the whole group; the child then ends everything in order, and this process
// only waits. A signal sent to this process alone is passed on.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.once('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
