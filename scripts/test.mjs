import { compileIfNeeded } from './compile.mjs';
import { installIfNeeded } from './install.mjs';
import { run } from './pinned-node.mjs';

installIfNeeded();
compileIfNeeded();
console.log(
  '▸ testing (a few minutes; PostgreSQL and Redis of this machine are used when they answer)',
);
process.exit(
  run([
    '--experimental-vm-modules',
    '--no-warnings=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    ...process.argv.slice(2),
  ]),
);
