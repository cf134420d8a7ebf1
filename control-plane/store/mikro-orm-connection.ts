import type { Options } from '@mikro-orm/postgresql';
import { releaseBrokenClients } from './broken-clients.ts';
import { clientConfig, type DatabaseConnection } from './database-connection.ts';

/** Bounds of a pool and of what runs on it; 0 milliseconds: no bound. */
export interface PoolOptions {
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly poolSizeMax: number;
  /** To reach the server, and to wait for a free connection of the pool. */
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
}

/** MikroORM's connection options for one role. */
export function mikroOrmConnection(
  connection: DatabaseConnection,
  pool: PoolOptions,
): Pick<Options, 'dbName' | 'driverOptions' | 'pool' | 'ensureDatabase'> {
  return {
    dbName: connection.database,
    ensureDatabase: false,
    pool: { min: 0, max: pool.poolSizeMax },
    driverOptions: {
      ...clientConfig(connection, pool.applicationName),
      connectionTimeoutMillis: pool.connectTimeoutMs,
      statement_timeout: pool.statementTimeoutMs,
      lock_timeout: pool.lockTimeoutMs,
      idle_in_transaction_session_timeout: pool.idleInTransactionTimeoutMs,
      // Compiling a statement takes PostgreSQL longer than running any of ours, and it guesses wrong when to.
      options: '-c jit=off',
      onPoolCreated: releaseBrokenClients,
    },
  };
}
