import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../control-plane/embedded-postgres/embedded-postgres.ts';
import {
  type DatabaseConnection,
  parseDatabaseUrl,
} from '../../control-plane/store/database-connection.ts';
import { ensureTemplate, schemaHash } from './postgres-template.ts';

/** A server that tests may make databases on. */
export interface TestServer {
  /** As a superuser, to the maintenance database. */
  readonly connection: DatabaseConnection;
  /** Says that a user of the server is done. */
  release(): Promise<void>;
}

const run = promisify(execFile);

interface Running {
  readonly postgres: EmbeddedPostgres;
  readonly directory: string;
}

let users = 0;
let running: Promise<Running> | undefined;

function connectionTo(postgres: EmbeddedPostgres): DatabaseConnection {
  return { ...parseDatabaseUrl(postgres.ownerUrl), database: 'postgres' };
}

function start(directory: string): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDirectory: directory,
    log: pino({ level: 'silent' }),
    fsync: false,
    sharedDirectory: path.join(directory, 'shared'),
  });
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'mcpgw-test-postgres-'));
  // PostgreSQL's user must pass it when the tests run as root.
  chmodSync(directory, 0o711);
  return directory;
}

/**
 * A stopped cluster with the template database in it, made once for each state of the schema: a copy of
 * it starts in a tenth of the time that a new one takes.
 */
async function preparedCluster(): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const prepared = path.join(tmpdir(), `mcpgw-test-cluster-${uid}-${schemaHash()}`);
  if (existsSync(prepared)) return prepared;
  const draft = temporaryDirectory();
  const postgres = await start(draft);
  try {
    await ensureTemplate(connectionTo(postgres));
  } finally {
    await postgres.stop();
  }
  try {
    mkdirSync(path.dirname(prepared), { recursive: true });
    renameSync(path.join(postgres.home, 'data'), prepared);
  } catch (error) {
    // Another worker was faster; its cluster is as good.
    if (!existsSync(prepared)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return prepared;
}

async function startCopy(): Promise<Running> {
  const prepared = await preparedCluster();
  const directory = temporaryDirectory();
  await run('cp', ['-a', prepared, path.join(directory, 'data')]);
  return { postgres: await start(directory), directory };
}

/** An embedded server that the users of one test file share; it stops when the last has released it. */
export async function acquireEmbeddedServer(): Promise<TestServer> {
  users += 1;
  running ??= startCopy();
  const { postgres } = await running;
  return {
    connection: connectionTo(postgres),
    release: async () => {
      users -= 1;
      if (users > 0 || running === undefined) return;
      const last = await running;
      running = undefined;
      await last.postgres.stop();
      rmSync(last.directory, { recursive: true, force: true });
    },
  };
}
