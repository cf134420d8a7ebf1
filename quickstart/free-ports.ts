import { createServer } from 'node:net';

/** A port of the quickstart, with the setting that moves it. */
export interface WantedPort {
  readonly what: string;
  readonly variable: string;
  readonly port: number;
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(true) : reject(error),
    );
    probe.listen({ port, host: '127.0.0.1' }, () => probe.close(() => resolve(false)));
  });
}

/**
 * One sentence for each wanted port that somebody else has, saying which setting picks another. Asked
 * before anything starts, so that a taken port leaves nothing half started.
 */
export async function takenPorts(wanted: readonly WantedPort[]): Promise<string[]> {
  const taken = await Promise.all(
    wanted.map(async (entry) => (entry.port !== 0 && (await isTaken(entry.port)) ? [entry] : [])),
  );
  return taken
    .flat()
    .map(
      ({ what, variable, port }) =>
        `Port ${port} (${what}) is taken. Set ${variable} to another port, or to 0 for any free one.`,
    );
}
