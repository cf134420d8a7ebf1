import { execFile } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Binaries } from './binaries.ts';
import type { ServerAccount } from './server-account.ts';

const run = promisify(execFile);

/** PostgreSQL's first superuser, which owns the schema. */
export const superuser = 'postgres';

interface ClusterOptions {
  readonly home: string;
  readonly binaries: Binaries;
  readonly account: ServerAccount | undefined;
  /** Off for tests only: a cluster that a power cut may destroy. */
  readonly sync: boolean;
}

/**
 * Who may connect: this process's user, as any role, told by the kernel (peer), so that there is no
 * password to keep. PostgreSQL's own user `nobody`, which other services may run as, is not let in.
 */
function writeAccessFiles(data: string, account: ServerAccount | undefined): void {
  const files = {
    'pg_hba.conf': 'local all all peer map=gateway\n',
    'pg_ident.conf': `gateway "${userInfo().username}" all\n`,
  };
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(data, name);
    writeFileSync(file, content, { mode: 0o600 });
    if (account !== undefined) chownSync(file, account.uid, account.gid);
  }
}

async function initialize(options: ClusterOptions, data: string): Promise<void> {
  const draft = `${data}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  if (options.account !== undefined) chownSync(draft, options.account.uid, options.account.gid);
  const flags = [
    `--pgdata=${draft}`,
    `--username=${superuser}`,
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--auth=peer',
    '--no-instructions',
    ...(options.sync ? [] : ['--no-sync']),
  ];
  try {
    await run(path.join(options.binaries.directory, 'bin', 'initdb'), flags, {
      cwd: '/',
      env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/local/bin:/usr/bin:/bin' },
      ...(options.account ?? {}),
    });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(`PostgreSQL's initdb failed: ${stderr?.trim() || message}`);
  }
  // Under its name only when complete: an initialization that was cut off is begun again.
  renameSync(draft, data);
}

/** Makes the cluster below `home` when there is none. @returns its folder. */
export async function ensureCluster(options: ClusterOptions): Promise<string> {
  const data = path.join(options.home, 'data');
  if (!existsSync(data)) await initialize(options, data);
  writeAccessFiles(data, options.account);
  return data;
}
