import { ensurePinnedNode } from '../common/pinned-node.ts';

await ensurePinnedNode();
const { runQuickstart } = await import('./quickstart.ts');
// Whatever is still starting when the quickstart ends learns of it by its closed IPC channel.
process.exit(await runQuickstart());
