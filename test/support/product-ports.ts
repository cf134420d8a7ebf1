import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the range that the system takes ports for outgoing connections from, commonly 32768 up. */
const firstPort = 15_000;
const portCount = 17_000;

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/**
 * A free port for a process that is to come back to the same one: nothing gets it by chance while the
 * process is down.
 */
export async function restartablePort(): Promise<number> {
  for (;;) {
    const port = firstPort + Math.floor(Math.random() * portCount);
    if (await isFree(port)) return port;
  }
}
