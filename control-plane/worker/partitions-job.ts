import { ensureRequestLogPartitions } from '../store/request-log-partitions.ts';
import type { Job } from './job.ts';

/**
 * Makes the daily partitions of the request logs ahead of time. Yesterday's is looked at too: the clocks
 * of worker and database may stand on two sides of midnight.
 */
export function partitionsJob(options: {
  readonly nowMs: () => number;
  readonly daysAhead: number;
}): Job {
  const dayMs = 24 * 60 * 60 * 1000;
  return {
    name: 'request-log-partitions',
    run: async (em) => {
      const yesterday = new Date(options.nowMs() - dayMs);
      await ensureRequestLogPartitions(em, yesterday, options.daysAhead + 2);
    },
  };
}
