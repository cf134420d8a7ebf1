import { ensurePinnedNode } from '../common/pinned-node.ts';

await ensurePinnedNode();
// Whoever read the output may be gone before us, a closed terminal or a pipe: still end in order.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
const { runQuickstart } = await import('./quickstart.ts');
// Whatever is still starting when the quickstart ends learns of it by its closed IPC channel.
process.exit(await runQuickstart());
