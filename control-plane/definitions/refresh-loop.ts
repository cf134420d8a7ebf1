import { getCACertificates } from 'node:tls';
import { Agent } from 'undici';
import { guardedConnector } from '../../common/guarded-connector.ts';
import { claimDueServers } from './claimed-server.ts';
import { type DefinitionRefreshDependencies, refreshServer } from './refresh-server.ts';

export interface DefinitionRefreshOptions
  extends Omit<DefinitionRefreshDependencies, 'dispatcher' | 'stop'> {
  /** Whether servers may stand at private, loopback and other special addresses. */
  readonly privateUpstreamsAllowed: boolean;
  /** Certificates in PEM trusted besides the well-known ones. */
  readonly extraCa?: readonly string[];
  /** Time between two looks for servers that are due, in milliseconds; default 1 second. */
  readonly pollIntervalMs?: number;
  /** Servers that are asked at the same time; default 4. */
  readonly concurrencyMax?: number;
}

const timeoutMs = 15_000;
const kilobyte = 1024;

function openDispatcher(options: DefinitionRefreshOptions): Agent {
  const { privateUpstreamsAllowed, extraCa = [] } = options;
  const ca = extraCa.length === 0 ? {} : { ca: [...getCACertificates('default'), ...extraCa] };
  return new Agent({
    connect: guardedConnector({
      privateAddressesAllowed: privateUpstreamsAllowed,
      timeoutMs: 5000,
      ...ca,
    }),
    headersTimeout: timeoutMs,
    // An event stream may be silent for as long as the visit lasts, which has a bound of its own.
    bodyTimeout: 0,
    keepAliveTimeout: 1000,
    maxHeaderSize: 16 * kilobyte,
  });
}

/**
 * Keeps what is known of all servers' definitions up to date. Any number of workers may run: each server is
 * claimed by one. A slow server takes one place of several and holds nobody else up.
 */
export function startDefinitionRefresh(options: DefinitionRefreshOptions): {
  readonly close: () => Promise<void>;
} {
  const { store, logger, pollIntervalMs = 1000, concurrencyMax = 4 } = options;
  const dispatcher = openDispatcher(options);
  const stopping = new AbortController();
  const deps = { ...options, dispatcher, stop: stopping.signal };
  const visits = new Set<Promise<unknown>>();
  let looking: Promise<void> | undefined;

  async function claim(): Promise<void> {
    const places = concurrencyMax - visits.size;
    if (stopping.signal.aborted || places <= 0) return;
    for (const server of await claimDueServers(store, places)) {
      const visit = refreshServer(server, deps)
        .catch((error: unknown) => {
          logger.error({ err: error, serverId: server.id }, 'a server’s definitions are not known');
        })
        .finally(() => {
          visits.delete(visit);
          look();
        });
      visits.add(visit);
    }
  }

  function look(): void {
    if (stopping.signal.aborted) return;
    looking ??= claim()
      .catch((error: unknown) => {
        logger.error({ err: error }, 'servers that are due could not be found');
      })
      .finally(() => {
        looking = undefined;
      });
  }

  look();
  const timer = setInterval(look, pollIntervalMs);
  return {
    close: async () => {
      clearInterval(timer);
      stopping.abort();
      await looking;
      // Their sessions are still ended, so that none stays behind at a server.
      await Promise.all(visits);
      await dispatcher.destroy();
    },
  };
}
