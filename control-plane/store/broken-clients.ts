import type { Pool, PoolClient } from 'pg';

/**
 * Gives the place of a connection that breaks while it is in use back to its pool. Kysely releases a
 * transaction's connection only after a commit or rollback that succeeded, which a broken one can't do:
 * without this, each connection that a restart or failover of the database cuts off inside a transaction
 * takes one place of the pool away for good, and closing the pool waits forever.
 */
export function releaseBrokenClients(pool: Pool): void {
  const inUse = new Set<PoolClient>();
  pool.on('acquire', (client) => {
    inUse.add(client);
  });
  pool.on('release', (_error, client) => {
    inUse.delete(client as PoolClient);
  });
  pool.on('connect', (client) => {
    client.once('end', () => {
      if (!inUse.has(client)) return;
      client.release(true);
      // Whoever holds it may still release it, which the pool takes amiss the second time.
      client.release = () => undefined;
    });
  });
}
