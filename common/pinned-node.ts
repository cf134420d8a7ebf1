import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const nodeMajorMin = 24;

function pinnedNode(): string | undefined {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const pinned = path.join(folder, 'node_modules', '.bin', 'node');
    if (existsSync(pinned)) return pinned;
    const parent = path.dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}

/** Ends this process in order when the one that started it on the pinned Node is gone, however it went. */
function endWithParent(): void {
  if (!process.connected) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel?.unref();
}

/**
 * Runs this process again on the Node that the lockfile pins when the current one is older, passing
 * signals on and ending with its status; then it never resolves. Entry points await it before they
 * import anything that needs a newer Node.
 */
export async function ensurePinnedNode(): Promise<void> {
  if (Number(process.versions.node.split('.')[0]) >= nodeMajorMin) {
    endWithParent();
    return;
  }
  const pinned = pinnedNode();
  if (pinned === undefined) {
    process.stderr.write(`Node ${nodeMajorMin} or newer is needed; this is ${process.version}.\n`);
    process.exit(1);
  }
  const child = spawn(pinned, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => child.kill(signal));
  }
  await new Promise<never>(() => {
    child.once('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
  });
}
