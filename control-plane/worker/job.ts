import type { EntityManager } from '@mikro-orm/postgresql';
import type { Store } from '../store/store.ts';

/** Something that one worker at a time does, in one transaction. */
export interface Job {
  /** Names the lock that claims it. */
  readonly name: string;
  run(em: EntityManager): Promise<void>;
}

/**
 * Runs a job unless another worker is at it. The claim is a transaction-level advisory lock, which
 * PostgreSQL releases whatever becomes of the worker.
 * @returns whether it ran here.
 */
export async function runClaimed(store: Store, job: Job): Promise<boolean> {
  return store.withSystem(async (em) => {
    const [row] = await em.execute<{ claimed: boolean }[]>(
      `select pg_try_advisory_xact_lock(hashtextextended('mcpgw.job.' || ?, 0)) as claimed`,
      [job.name],
    );
    if (!row?.claimed) return false;
    await job.run(em);
    return true;
  });
}
