import { spawn } from 'node:child_process';
import path from 'node:path';
import { compileIfNeeded } from './compile.mjs';
import { installIfNeeded } from './install.mjs';
import { npmIsGone, whenNpmIsGone } from './npm-watch.mjs';
import { pinnedEnvironment, pinnedNode, root } from './pinned-node.mjs';

installIfNeeded();
compileIfNeeded();
if (npmIsGone()) process.exit(1);

// The IPC channel is how the child learns that this process is gone, also after kill -9.
const child = spawn(
  pinnedNode(),
  [path.join(root, 'dist', 'quickstart', 'main.js'), ...process.argv.slice(2)],
  { cwd: root, stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env: pinnedEnvironment() },
);
whenNpmIsGone(() => child.kill('SIGTERM'));
// The child ends everything in order, and this process waits for it. A terminal sends Ctrl-C to both.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.once('exit', (code, signal) => {
  if (signal !== null) console.error(`✗ the quickstart was ended by ${signal}`);
  process.exit(code ?? 1);
});
