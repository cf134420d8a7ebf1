import { Client } from 'pg';
import {
  clientConfig,
  type DatabaseConnection,
  parseDatabaseUrl,
} from '../../control-plane/store/database-connection.ts';

/** A server that tests may make databases on. */
export interface TestServer {
  /** As a superuser, to the maintenance database. */
  readonly connection: DatabaseConnection;
  /** Says that a user of the server is done. */
  release(): Promise<void>;
}

async function answers(connection: DatabaseConnection): Promise<boolean> {
  const client = new Client({
    ...clientConfig(connection, 'mcpgw-test'),
    connectionTimeoutMillis: 2000,
  });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The server to test against. */
export async function testServer(): Promise<TestServer> {
  const url = process.env['MCPGW_TEST_DATABASE_URL'];
  const connection = parseDatabaseUrl(url ?? 'postgresql://postgres@127.0.0.1:5432/postgres');
  if (await answers(connection)) return { connection, release: async () => undefined };
  throw new Error('No PostgreSQL answers.');
}
