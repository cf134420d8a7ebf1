import { type AddressInfo, createServer } from 'node:net';

/** A port of the quickstart, with the setting that moves it. */
export interface WantedPort {
  readonly what: string;
  readonly variable: string;
  readonly port: number;
}

/** Why a port can't be listened on; undefined: it can. */
function refusal(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'EADDRINUSE' ? 'is taken' : `can’t be listened on (${error.code})`),
    );
    probe.listen({ port, host: '127.0.0.1' }, () => probe.close(() => resolve(undefined)));
  });
}

/**
 * One sentence for each wanted port that can't be had, saying which setting picks another. Asked before
 * anything starts, so that a taken port leaves nothing half started.
 */
export async function portComplaints(wanted: readonly WantedPort[]): Promise<string[]> {
  const sentences = wanted.map(async ({ what, variable, port }, index) => {
    // What is no port at all is for the settings' own check to say.
    if (!(port > 0 && port < 65_536)) return [];
    const same = wanted.slice(0, index).find((other) => other.port === port);
    const reason =
      same === undefined ? await refusal(port) : `is the port of ${same.what} (${same.variable})`;
    if (reason === undefined) return [];
    return [
      `Port ${port} (${what}) ${reason}. Set ${variable} to another port, or to 0 for any free one.`,
    ];
  });
  return (await Promise.all(sentences)).flat();
}

/** A port that nothing listens on now. Somebody else may take it before it is used. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ port: 0, host: '127.0.0.1' }, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
