import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { pino } from 'pino';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../control-plane/embedded-postgres/embedded-postgres.ts';

const log = pino({ level: 'silent' });
const asRoot = process.getuid?.() === 0;

let folder: string;
let running: EmbeddedPostgres[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'mcpgw-embedded-test-'));
  chmodSync(folder, 0o755);
  running = [];
});

afterEach(async () => {
  for (const postgres of running) await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Without fsync where a test is not about what survives: it is slow on a busy disk. */
async function start(dataDirectory: string, fsync = false): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({
    dataDirectory,
    log,
    ...(fsync ? {} : { fsync }),
    sharedDirectory: path.join(folder, 'shared'),
  });
  running.push(postgres);
  return postgres;
}

async function query<Row extends object>(
  postgres: Pick<EmbeddedPostgres, 'host'>,
  sql: string,
): Promise<Row[]> {
  const client = new Client({ host: postgres.host, user: 'postgres', database: 'mcpgw' });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

function serverPid(home: string): number {
  return Number(readFileSync(path.join(home, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
}

function runs(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** A process of its own that has started PostgreSQL; it is killed, not stopped. */
async function startParent(dataDirectory: string) {
  const script = fileURLToPath(new URL('../../support/postgres-parent.ts', import.meta.url));
  const child = spawn(process.execPath, [script, dataDirectory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, ...(JSON.parse(line) as { host: string; home: string }) };
}

describe('the embedded PostgreSQL', () => {
  test('keeps its data from start to start, and listens on its socket only', async () => {
    const dataDirectory = path.join(folder, 'postgres');
    const first = await start(dataDirectory, true);
    await query(first, `create table kept as select 'row' as value`);
    expect(await query(first, 'show listen_addresses')).toEqual([{ listen_addresses: '' }]);
    await first.stop();
    expect(existsSync(first.host)).toBe(false);

    const second = await start(dataDirectory, true);
    expect(await query(second, 'select * from kept')).toEqual([{ value: 'row' }]);
    expect(await query(second, 'show fsync')).toEqual([{ fsync: 'on' }]);
  });

  test('does not run as root', async () => {
    const postgres = await start(path.join(folder, 'postgres'));
    const status = readFileSync(`/proc/${serverPid(postgres.home)}/status`, 'utf8');
    expect(Number(/^Uid:\t(\d+)/m.exec(status)?.[1])).not.toBe(0);
  });

  test('ends with a parent that is killed, and loses nothing that was committed', async () => {
    const dataDirectory = path.join(folder, 'postgres');
    const parent = await startParent(dataDirectory);
    const pid = serverPid(parent.home);
    await query(parent, 'create table kept as select 1 as value');
    parent.child.kill('SIGKILL');
    // The next start waits for the old server's lock instead of failing on it.
    const postgres = await start(dataDirectory, true);
    expect(runs(pid)).toBe(false);
    expect(existsSync(parent.host)).toBe(false);
    expect(await query(postgres, 'select * from kept')).toEqual([{ value: 1 }]);
  });

  test('starts over a lock that a crash has left, when its process id is another program’s now', async () => {
    const dataDirectory = path.join(folder, 'postgres');
    const first = await start(dataDirectory);
    await first.stop();
    const lock = path.join(first.home, 'data', 'postmaster.pid');
    const stranger = spawn('sleep', ['60'], { ...(asRoot ? { uid: 65534 } : {}) });
    try {
      writeFileSync(lock, `${stranger.pid}\n${first.home}/data\n`);
      const second = await start(dataDirectory);
      expect(await query(second, 'select 1 as value')).toEqual([{ value: 1 }]);
    } finally {
      stranger.kill();
    }
  });

  test('says so when it can’t start', async () => {
    const dataDirectory = path.join(folder, 'postgres');
    const first = await start(dataDirectory);
    await first.stop();
    writeFileSync(path.join(first.home, 'data', 'PG_VERSION'), '9.6\n');
    await expect(start(dataDirectory)).rejects.toThrow(/9\.6.*not compatible|incompatible/s);
  });
});

(asRoot ? describe : describe.skip)('as root, below a folder that only root may enter', () => {
  let closed: string;

  beforeEach(() => {
    closed = path.join(folder, 'closed');
    cpSync(mkdtempSync(path.join(folder, 'empty-')), closed, { recursive: true });
    chmodSync(closed, 0o700);
  });

  test('puts its files where its user can reach them, and finds them again', async () => {
    const dataDirectory = path.join(closed, 'postgres');
    const first = await start(dataDirectory);
    expect(first.home.startsWith(path.join(folder, 'shared'))).toBe(true);
    await query(first, 'create table kept as select 1 as value');
    await first.stop();
    const second = await start(dataDirectory);
    expect(await query(second, 'select * from kept')).toEqual([{ value: 1 }]);
  });

  test('takes the files along when the data directory moves, and refuses a copy', async () => {
    const dataDirectory = path.join(closed, 'postgres');
    const first = await start(dataDirectory);
    await first.stop();
    const copy = path.join(closed, 'copy');
    cpSync(dataDirectory, copy, { recursive: true });
    await expect(start(copy)).rejects.toThrow(/is a copy of/);
    const moved = path.join(closed, 'moved');
    renameSync(dataDirectory, moved);
    expect((await start(moved)).home).toBe(first.home);
  });

  test('clears what a temporary data directory left, and nothing of one that is there', async () => {
    const kept = await start(path.join(closed, 'kept'));
    const left = await start(path.join(closed, 'left'));
    await kept.stop();
    await left.stop();
    rmSync(path.join(closed, 'left'), { recursive: true });
    await start(path.join(closed, 'other'));
    expect([kept.home, left.home].map((home) => existsSync(home))).toEqual([true, false]);
  });

  test('starts afresh when the data directory was removed, and clears what it left', async () => {
    const dataDirectory = path.join(closed, 'postgres');
    const first = await start(dataDirectory);
    await query(first, 'create table kept as select 1 as value');
    await first.stop();
    rmSync(dataDirectory, { recursive: true });
    const second = await start(dataDirectory);
    expect(second.home).not.toBe(first.home);
    expect(existsSync(first.home)).toBe(false);
    await expect(query(second, 'select * from kept')).rejects.toThrow(/does not exist/);
  });
});
