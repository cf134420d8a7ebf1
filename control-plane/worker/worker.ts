import type { Logger } from '../../common/logging.ts';
import type { Store } from '../store/store.ts';
import { type Job, runClaimed } from './job.ts';
import { partitionsJob } from './partitions-job.ts';
import { pruneNodesJob } from './prune-nodes-job.ts';
import { pruneOidcLoginsJob } from './prune-oidc-logins-job.ts';
import { pruneRevocationsJob } from './prune-revocations-job.ts';
import { pruneSessionsJob } from './prune-sessions-job.ts';

export interface WorkerOptions {
  readonly store: Store;
  readonly logger: Logger;
  readonly nowMs: () => number;
  /** Daily partitions of the request logs that exist ahead of today; default 7. */
  readonly partitionDaysAhead?: number;
  /** A node that hasn't been seen for so long is forgotten; default 30 days. */
  readonly nodeForgottenAfterMs?: number;
  /** Time between two runs of a job that says no shorter one; default 10 minutes. */
  readonly jobIntervalMs?: number;
  /** Jobs that need more than the store. */
  readonly jobs?: readonly Job[];
}

const dayMs = 24 * 60 * 60 * 1000;

/**
 * Runs the jobs that keep the database in shape, each now and then at its interval. Any number of
 * workers may run: a job is claimed with a PostgreSQL lock, and whoever comes second leaves it.
 * @returns once every job has been tried for the first time, so that today's partition exists.
 */
export async function startWorker(
  options: WorkerOptions,
): Promise<{ readonly close: () => Promise<void> }> {
  const { store, logger, nowMs } = options;
  const jobs: readonly Job[] = [
    partitionsJob({ nowMs, daysAhead: options.partitionDaysAhead ?? 7 }),
    pruneNodesJob({ forgottenAfterMs: options.nodeForgottenAfterMs ?? 30 * dayMs }),
    pruneOidcLoginsJob(),
    pruneSessionsJob({ forgottenAfterMs: 30 * dayMs }),
    pruneRevocationsJob,
    ...(options.jobs ?? []),
  ];
  const running = new Set<Promise<void>>();
  const attempt = async (job: Job): Promise<void> => {
    try {
      await runClaimed(store, job);
    } catch (error) {
      logger.error({ err: error, job: job.name }, 'a job failed');
    }
  };
  const run = (job: Job): Promise<void> => {
    const done = attempt(job).finally(() => running.delete(done));
    running.add(done);
    return done;
  };
  await Promise.all(jobs.map(run));
  const intervalMs = options.jobIntervalMs ?? 10 * 60 * 1000;
  const timers = jobs.map((job) =>
    setInterval(() => void run(job), Math.min(job.intervalMs ?? intervalMs, intervalMs)),
  );
  return {
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(running);
    },
  };
}
