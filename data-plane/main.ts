import { ensurePinnedNode } from '../common/pinned-node.ts';

await ensurePinnedNode();
const { runProgram } = await import('../common/program.ts');
const { dataPlaneCommands } = await import('./commands.ts');
await runProgram('data-plane', dataPlaneCommands, process.argv.slice(2));
