import { compile } from './compile.mjs';
import { installIfNeeded } from './install.mjs';
import { run } from './pinned-node.mjs';

installIfNeeded();
compile();
console.log('▸ conformance suites, directly and through the gateway (about a minute)');
process.exit(
  run(['--no-warnings=ExperimentalWarning', 'test/conformance/main.ts', ...process.argv.slice(2)]),
);
