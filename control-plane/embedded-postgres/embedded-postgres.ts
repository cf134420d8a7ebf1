import type { ChildProcess } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import type { Logger } from '../../common/logging.ts';
import { copyBinaries, installedBinaries, runnableByOthers } from './binaries.ts';
import { ensureCluster, superuser } from './cluster.ts';
import { postgresHome } from './home.ts';
import { passableByOthers, type ServerAccount, serverAccount } from './server-account.ts';
import { spawnGuarded } from './watchdog.ts';

const port = 5432;
const startTimeoutMs = 60_000;
const lockTimeoutMs = 20_000;
const lockRetryMs = 100;
const stderrLinesMax = 20;

export interface EmbeddedPostgresOptions {
  /** Kept from start to start; made when missing. */
  readonly dataDirectory: string;
  readonly log: Logger;
  /** Made when missing; default `mcpgw`. */
  readonly database?: string;
  /** `false` for tests only: faster, and a power cut may destroy the data. Default true. */
  readonly fsync?: boolean;
  /** Where files go that PostgreSQL's user can't reach in the data directory; default /var/lib/mcpgw. */
  readonly sharedDirectory?: string;
}

export interface EmbeddedPostgres {
  /** Folder of the unix socket; there is no other way in. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** A superuser; the kernel vouches for us, so that there is no password. */
  readonly user: string;
  /** The same as one URL. */
  readonly ownerUrl: string;
  /** Folder that holds the database files; not always below the data directory. */
  readonly home: string;
  /** Resolves if the server ends without `stop`. */
  readonly ended: Promise<void>;
  /** Ends it in order; resolves once it is gone. */
  stop(): Promise<void>;
}

/** The lock of a server that still runs, or is being stopped by the watchdog of a killed parent. */
class DataLocked extends Error {}

interface RunningServer {
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
}

// A socket's path has 107 bytes at most, so that it can't stand below just any data directory.
const temporaryPathBytesMax = 70;

function createSocketDirectory(account: ServerAccount | undefined): string {
  const preferred = tmpdir();
  const usable =
    Buffer.byteLength(preferred) <= temporaryPathBytesMax &&
    (account === undefined || passableByOthers(preferred));
  const directory = mkdtempSync(path.join(usable ? preferred : '/tmp', 'mcpgw-postgres-'));
  if (account !== undefined) chownSync(directory, account.uid, account.gid);
  return directory;
}

function serverArguments(data: string, socketDirectory: string, fsync: boolean): string[] {
  const settings = {
    listen_addresses: '',
    unix_socket_directories: socketDirectory,
    unix_socket_permissions: '0700',
    port: String(port),
    max_connections: '60',
    shared_buffers: '64MB',
    max_wal_size: '256MB',
    jit: 'off',
    log_destination: 'stderr',
    log_line_prefix: '',
    // Statements carry values, and values don't belong into a log.
    log_min_error_statement: 'panic',
    ...(fsync ? {} : { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }),
  };
  return [
    '-D',
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
}

function logLine(log: Logger, line: string): void {
  if (/^(FATAL|PANIC|WARNING):/.test(line)) log.warn({ postgres: line }, 'PostgreSQL');
  else log.debug({ postgres: line }, 'PostgreSQL');
}

/** Resolves when it accepts connections. @throws {DataLocked} when another server has the data. */
function whenReady(child: ChildProcess, log: Logger): Promise<RunningServer> {
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return new Promise((resolve, reject) => {
    const seen: string[] = [];
    const timer = setTimeout(() => {
      child.stdin?.end();
      reject(new Error(`PostgreSQL did not start within ${startTimeoutMs} ms.`));
    }, startTimeoutMs);
    const settle = (action: () => void) => {
      clearTimeout(timer);
      action();
    };
    child.once('error', (error) => settle(() => reject(error)));
    child.once('close', () =>
      settle(() => {
        const text = seen.join('\n');
        const locked = /lock file ".*" already exists|pre-existing shared memory/.test(text);
        reject(
          locked ? new DataLocked(text) : new Error(`PostgreSQL ended when it started:\n${text}`),
        );
      }),
    );
    if (child.stderr === null) throw new Error('The server has no standard error.');
    createInterface({ input: child.stderr }).on('line', (line) => {
      logLine(log, line);
      if (seen.length < stderrLinesMax) seen.push(line);
      if (line.includes('database system is ready to accept connections')) {
        settle(() => resolve({ child, exited }));
      }
    });
  });
}

/** A lock whose process is no PostgreSQL: left by a crash, and its process id is another program's now. */
function removeStaleLock(data: string): void {
  const file = path.join(data, 'postmaster.pid');
  try {
    const pid = readFileSync(file, 'utf8').split('\n')[0] ?? '';
    const command = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
    if (command !== 'postgres') rmSync(file);
  } catch {
    // The lock or its process is gone already.
  }
}

async function startServer(
  start: () => ChildProcess,
  data: string,
  log: Logger,
): Promise<RunningServer> {
  const deadline = performance.now() + lockTimeoutMs;
  for (;;) {
    try {
      return await whenReady(start(), log);
    } catch (error) {
      if (!(error instanceof DataLocked)) throw error;
      if (performance.now() > deadline) {
        throw new Error(`The database in ${data} is in use by another process.\n${error.message}`);
      }
      removeStaleLock(data);
      await delay(lockRetryMs);
    }
  }
}

async function ensureDatabase(host: string, database: string): Promise<void> {
  const client = new Client({ host, port, user: superuser, database: 'postgres', ssl: false });
  await client.connect();
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [
      database,
    ]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(database)}`);
  } finally {
    await client.end();
  }
}

/**
 * Starts PostgreSQL from the installed package, with its data below `dataDirectory`, on a unix socket
 * that only this user can reach. As root it runs as `nobody`. A watchdog stops it also when this process
 * is killed; data that another server holds is waited for, some seconds, since that server may be about
 * to end.
 * @throws when the package is missing, the data is in use, or PostgreSQL doesn't start; with its words.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { log, database = 'mcpgw', fsync = true } = options;
  const account = serverAccount(process.getuid?.() ?? -1);
  const home = postgresHome({
    dataDirectory: options.dataDirectory,
    account,
    ...(options.sharedDirectory === undefined ? {} : { sharedDirectory: options.sharedDirectory }),
  });
  const installed = installedBinaries();
  const inPlace = account === undefined || runnableByOthers(installed);
  const binaries = inPlace ? installed : copyBinaries(installed, home);
  const data = await ensureCluster({ home, binaries, account, sync: fsync });

  let socketDirectory = '';
  const { child, exited } = await startServer(
    () => {
      socketDirectory = createSocketDirectory(account);
      return spawnGuarded({
        command: path.join(binaries.directory, 'bin', 'postgres'),
        arguments: serverArguments(data, socketDirectory, fsync),
        socketDirectory,
        account,
      });
    },
    data,
    log,
  );
  const stop = async () => {
    child.stdin?.end();
    await exited;
  };
  try {
    await ensureDatabase(socketDirectory, database);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    host: socketDirectory,
    port,
    database,
    user: superuser,
    ownerUrl: `postgresql://${superuser}@localhost:${port}/${encodeURIComponent(database)}?host=${encodeURIComponent(socketDirectory)}`,
    home,
    ended: exited,
    stop,
  };
}
