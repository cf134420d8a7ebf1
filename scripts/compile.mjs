import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { root, run } from './pinned-node.mjs';

/** Compiles the product into dist/ and puts the contracts beside it. Ends the process on a type error. */
export function compile() {
  console.log('▸ building');
  const dist = path.join(root, 'dist');
  rmSync(dist, { recursive: true, force: true });
  const status = run(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']);
  if (status !== 0) process.exit(status);
  cpSync(path.join(root, 'proto', 'mcpgw'), path.join(dist, 'proto', 'mcpgw'), { recursive: true });
  cpSync(path.join(root, 'configs'), path.join(dist, 'configs'), { recursive: true });
}
