import { spawnSync } from 'node:child_process';
import { installIfNeeded } from './install.mjs';
import { pinnedEnvironment, root } from './pinned-node.mjs';

installIfNeeded();

const steps = [
  ['format and lint', 'biome', ['check', '--error-on-warnings', '.']],
  ['types', 'tsc', ['-p', 'tsconfig.json']],
  ['dead code and dependencies', 'knip', ['--no-progress']],
  ['generated files are fresh', 'node', ['scripts/generate.mjs', '--check']],
];

const failed = [];
for (const [name, command, args] of steps) {
  console.log(`▸ ${name}`);
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: pinnedEnvironment(),
  });
  if (result.status !== 0) failed.push(name);
}
if (failed.length > 0) {
  console.error(`✗ ${failed.join(', ')}`);
  process.exit(1);
}
console.log('✓ all checks passed');
