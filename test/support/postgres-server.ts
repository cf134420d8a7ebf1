import { Client } from 'pg';
import {
  clientConfig,
  type DatabaseConnection,
  parseDatabaseUrl,
} from '../../control-plane/store/database-connection.ts';
import { acquireEmbeddedServer, type TestServer } from './postgres-embedded-server.ts';

const defaultUrl = 'postgresql://postgres@127.0.0.1:5432/postgres';

async function connectError(connection: DatabaseConnection): Promise<Error | undefined> {
  const client = new Client({
    ...clientConfig(connection, 'mcpgw-test'),
    connectionTimeoutMillis: 2000,
  });
  try {
    await client.connect();
    await client.end();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/**
 * The server to test against: the one of `TEST_DATABASE_URL`, which then has to answer, or
 * 127.0.0.1:5432, or an embedded one when nothing answers there or `TEST_POSTGRES=embedded`.
 */
export async function testServer(): Promise<TestServer> {
  if (process.env['TEST_POSTGRES'] === 'embedded') return acquireEmbeddedServer();
  const url = process.env['TEST_DATABASE_URL'];
  const connection = parseDatabaseUrl(url ?? defaultUrl);
  const error = await connectError(connection);
  if (error === undefined) return { connection, release: async () => undefined };
  if (url !== undefined) throw new Error(`TEST_DATABASE_URL: ${error.message}`);
  return acquireEmbeddedServer();
}
