import type { Command } from '../common/command-line.ts';
import { explainListenFailure } from '../common/listen-failure.ts';
import { createLogger } from '../common/logging.ts';
import { announceReady } from '../common/parent-channel.ts';
import { endSignal } from '../common/program.ts';
import { type Roles, startControlPlane } from './compose.ts';
import { type ControlPlaneConfig, loadControlPlaneConfig } from './config.ts';
import { createNodeTokenFile } from './create-node-token-file.ts';
import { openDatabase } from './database.ts';
import { explainDatabaseFailure } from './explain-database-failure.ts';
import { rotateMasterKey } from './rotate-master-key.ts';
import { migrate } from './store/migrate.ts';
import { openStore } from './store/store.ts';

/** Does what may fail for reasons that an operator can mend: each is said in a sentence. */
async function explained<T>(config: ControlPlaneConfig, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainListenFailure(explainDatabaseFailure(error), config);
  }
}

async function serve(roles: Roles): Promise<void> {
  const config = loadControlPlaneConfig(process.env);
  const logger = createLogger('control-plane', config.logLevel);
  const ended = endSignal();
  const controlPlane = await explained(config, () => startControlPlane(config, roles, logger));
  logger.info(controlPlane.addresses, 'the control plane serves');
  announceReady(controlPlane.addresses);
  // What comes first is the cause: an end in order takes PostgreSQL along, and is no failure.
  const { cause, exitCode } = await Promise.race([
    ended.then((signal) => ({ cause: signal, exitCode: 0 })),
    controlPlane.failed.then((failure) => ({ cause: failure, exitCode: 1 })),
  ]);
  logger.info({ cause }, 'the control plane ends');
  process.exitCode = exitCode;
  await controlPlane.close();
}

async function runMigrations(): Promise<void> {
  const config = loadControlPlaneConfig(process.env);
  const logger = createLogger('control-plane', config.logLevel);
  const { owner, roles } = await openDatabase(config, logger, { mayEmbed: false });
  const { applied } = await explained(config, () => migrate({ owner, roles, logger }));
  process.stdout.write(`${applied.length} migrations applied\n`);
}

async function createNodeToken(options: Readonly<Record<string, string>>): Promise<void> {
  const config = loadControlPlaneConfig(process.env);
  const logger = createLogger('control-plane', config.logLevel);
  const { roles } = await openDatabase(config, logger, { mayEmbed: false });
  const store = await explained(config, () => openStore({ roles, logger }));
  try {
    const outcome = await createNodeTokenFile(store, {
      name: options['name'] ?? '',
      group: options['group'] ?? 'default',
      file: options['out'] ?? '',
    });
    process.stdout.write(`${outcome}\n`);
  } finally {
    await store.close();
  }
}

async function rotate(): Promise<void> {
  const config = loadControlPlaneConfig(process.env);
  const logger = createLogger('control-plane', config.logLevel);
  await using cleanup = new AsyncDisposableStack();
  const database = await openDatabase(config, logger, { mayEmbed: true });
  cleanup.defer(() => database.close());
  if (config.databaseUrl === undefined) {
    const { owner, roles } = database;
    await migrate({ owner, roles, logger });
  }
  const store = await explained(config, () => openStore({ roles: database.roles, logger }));
  cleanup.defer(() => store.close());
  const { lines, complete } = await rotateMasterKey(database, store);
  process.stdout.write(`${lines.join('\n')}\n`);
  if (!complete) process.exitCode = 1;
}

function service(summary: string, roles: Roles): Command {
  return { summary, options: {}, required: [], run: () => serve(roles) };
}

/** The commands of `control-plane`. */
export const controlPlaneCommands: ReadonlyMap<string, Command> = new Map([
  [
    'all',
    service('Migrates, then runs API and worker; without a database URL with its own PostgreSQL.', {
      api: true,
      worker: true,
      standalone: true,
    }),
  ],
  [
    'api',
    service('Serves GraphQL and the streams of nodes. Run as many as you like.', {
      api: true,
      worker: false,
      standalone: false,
    }),
  ],
  [
    'worker',
    service('Runs the background jobs. Run as many as you like.', {
      api: false,
      worker: true,
      standalone: false,
    }),
  ],
  [
    'migrate',
    {
      summary: 'Brings the database to this version. Safe to run several times at once.',
      options: {},
      required: [],
      run: runMigrations,
    },
  ],
  [
    'rotate-master-key',
    {
      summary:
        'Brings everything that is sealed under the current master key. Safe to repeat, also while the product runs.',
      options: {},
      required: [],
      run: rotate,
    },
  ],
  [
    'create-node-token',
    {
      summary: 'Makes a node token and writes it to a file, unless the file holds one.',
      options: {
        name: { type: 'string' },
        group: { type: 'string' },
        out: { type: 'string' },
      },
      required: ['name', 'out'],
      run: createNodeToken,
    },
  ],
]);
