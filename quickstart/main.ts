import { ensurePinnedNode } from '../common/pinned-node.ts';

await ensurePinnedNode();
const { runQuickstart } = await import('./quickstart.ts');
process.exitCode = await runQuickstart();
