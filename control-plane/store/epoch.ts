import type { EntityManager } from '@mikro-orm/postgresql';

/**
 * Names the history of this database: 32 hex digits that change when it is restored from a dump, copied,
 * recovered to a point in time or failed over, so that nobody mixes revisions of two histories. A copy of
 * the files put back by hand on the same server is not seen by it; that shows as a node that is ahead of
 * the database's revision.
 */
export async function readEpoch(em: EntityManager): Promise<string> {
  const [row] = await em.execute<{ epoch: string }[]>('select mcpgw_database_epoch() as epoch');
  if (row === undefined) throw new Error('The database named no epoch.');
  return row.epoch;
}
