import { compileIfNeeded } from './compile.mjs';
import { installIfNeeded } from './install.mjs';
import { run } from './pinned-node.mjs';

installIfNeeded();
compileIfNeeded();
console.log('▸ testing (a few minutes; PostgreSQL on 127.0.0.1:5432 is used when it answers)');
process.exit(
  run([
    '--experimental-vm-modules',
    '--no-warnings=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    ...process.argv.slice(2),
  ]),
);
