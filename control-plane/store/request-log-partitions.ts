import type { EntityManager } from '@mikro-orm/postgresql';

/**
 * Makes the daily partitions of the request logs, from the UTC day of `from` on, where they are missing;
 * rows that went to the default partition meanwhile are moved. Any number of processes may call it, as
 * the system role.
 * @param days 1 to 100.
 * @returns how many were made.
 */
export async function ensureRequestLogPartitions(
  em: EntityManager,
  from: Date,
  days: number,
): Promise<number> {
  const [row] = await em.execute<{ created: number }[]>(
    'select ensure_request_log_partitions(?::date, ?) as created',
    [from.toISOString().slice(0, 10), days],
  );
  return row?.created ?? 0;
}
