import { connect } from 'node:net';

const ports: Readonly<Record<string, number>> = { postgres: 5432, redis: 6379 };

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 2000 });
    const settle = (isUp: boolean) => {
      socket.destroy();
      resolve(isUp);
    };
    socket.once('connect', () => settle(true));
    socket.once('timeout', () => settle(false));
    socket.once('error', () => settle(false));
  });
}

/**
 * Fails the run at once when a service named in `REQUIRE_SERVICES` (`postgres,redis`) does not answer:
 * CI must not pass because tests fell back to what comes along, or were skipped.
 */
async function requireServices(): Promise<void> {
  const wanted = (process.env['REQUIRE_SERVICES'] ?? '').split(',').filter((name) => name !== '');
  for (const name of wanted) {
    const port = ports[name];
    if (port === undefined) throw new Error(`REQUIRE_SERVICES names "${name}", which is unknown.`);
    if (!(await answers(port))) throw new Error(`${name} does not answer on 127.0.0.1:${port}.`);
  }
}

// jest asks for a default export here.
export default requireServices;
