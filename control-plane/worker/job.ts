import type { EntityManager } from '@mikro-orm/postgresql';
import type { Store } from '../store/store.ts';

/** Something that one worker at a time does, in one transaction or in several, one after another. */
export interface Job {
  /** Names the lock that claims it. */
  readonly name: string;
  /** Time between two runs, where that is less than the worker's. */
  readonly intervalMs?: number;
  /** @param again says that there is more to do, in a transaction of its own. */
  run(em: EntityManager, again: () => void): Promise<void>;
}

/** Transactions of one run, at most: what is left waits for the next one. */
const transactionsMax = 10_000;

/**
 * Runs a job unless another worker is at it. The claim is a transaction-level advisory lock, which
 * PostgreSQL releases whatever becomes of the worker.
 * @returns whether it ran here.
 */
export async function runClaimed(store: Store, job: Job): Promise<boolean> {
  for (let count = 0; count < transactionsMax; count += 1) {
    const { ran, again } = await runOnce(store, job);
    if (!again) return ran || count > 0;
  }
  return true;
}

async function runOnce(store: Store, job: Job): Promise<{ ran: boolean; again: boolean }> {
  return store.withSystem(async (em) => {
    const [row] = await em.execute<{ claimed: boolean }[]>(
      `select pg_try_advisory_xact_lock(hashtextextended('mcpgw.job.' || ?, 0)) as claimed`,
      [job.name],
    );
    let again = false;
    if (!row?.claimed) return { ran: false, again };
    await job.run(em, () => {
      again = true;
    });
    return { ran: true, again };
  });
}
