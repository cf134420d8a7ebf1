import { compile } from './compile.mjs';
import { installIfNeeded } from './install.mjs';
import { run } from './pinned-node.mjs';

installIfNeeded();
compile();
process.exit(
  run(['--no-warnings=ExperimentalWarning', 'test/bench/main.ts', ...process.argv.slice(2)]),
);
