import { ensurePinnedNode } from '../common/pinned-node.ts';

await ensurePinnedNode();
const { runProgram } = await import('../common/program.ts');
const { controlPlaneCommands } = await import('./commands.ts');
await runProgram('control-plane', controlPlaneCommands, process.argv.slice(2));
