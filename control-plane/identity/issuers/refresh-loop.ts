import type { Logger } from '../../../common/logging.ts';
import {
  claimDueIssuers,
  type IssuerRefreshDependencies,
  refreshIssuer,
} from './refresh-issuer.ts';

export interface IssuerRefreshOptions extends IssuerRefreshDependencies {
  readonly logger: Logger;
  /** Time between two looks for issuers that are due, a new one among them; default 1 second. */
  readonly pollIntervalMs?: number;
  /** Issuers that are asked at the same time; default 8. */
  readonly concurrencyMax?: number;
}

/** Rounds without a pause while there is more to do: what is due then waits for the next look. */
const roundsMax = 100;

/**
 * Keeps the keys of all issuers up to date. Any number of workers may run: each issuer is claimed by one.
 * Nothing is held in the database while an issuer takes its time.
 */
export function startIssuerRefresh(options: IssuerRefreshOptions): {
  readonly close: () => Promise<void>;
} {
  const { store, logger, pollIntervalMs = 1000, concurrencyMax = 8 } = options;
  let closed = false;
  let running: Promise<void> | undefined;

  async function refreshDue(): Promise<void> {
    for (let round = 0; round < roundsMax && !closed; round += 1) {
      const due = await claimDueIssuers(store, concurrencyMax);
      const results = await Promise.allSettled(due.map((issuer) => refreshIssuer(issuer, options)));
      for (const result of results) {
        if (result.status === 'rejected') {
          logger.error({ err: result.reason as unknown }, 'an issuer could not be refreshed');
        }
      }
      if (due.length < concurrencyMax) return;
    }
  }

  function look(): void {
    running ??= refreshDue()
      .catch((error: unknown) => {
        logger.error({ err: error }, 'issuers that are due could not be found');
      })
      .finally(() => {
        running = undefined;
      });
  }

  look();
  const timer = setInterval(look, pollIntervalMs);
  return {
    close: async () => {
      closed = true;
      clearInterval(timer);
      await running;
    },
  };
}
