import { pino } from 'pino';
import { createNodeServer, type NodeServerOptions } from '../../control-plane/node-server.ts';
import { ConfigState, type ConfigStateOptions } from '../../control-plane/snapshot/config-state.ts';
import { ChangeFeed } from '../../control-plane/store/change-feed.ts';
import type { Store } from '../../control-plane/store/store.ts';
import { ControlStreamDatabase } from './control-stream-database.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

const logger = pino({ level: process.env['TEST_LOG'] ?? 'silent' });

/** One replica of the control plane, as far as nodes see it. */
export interface Replica {
  readonly address: string;
  readonly store: Store;
  readonly state: ConfigState;
  readonly feed: ChangeFeed;
  close(): Promise<void>;
}

export interface ReplicaOptions {
  readonly server?: Partial<NodeServerOptions>;
  readonly state?: Partial<ConfigStateOptions>;
  /** Waits between attempts of the feed to reconnect. */
  readonly reconnectDelayMaxMs?: number;
}

let replicas = 0;

/** Starts a replica on a port of its own. */
async function startReplica(
  database: TestDatabase,
  options: ReplicaOptions = {},
): Promise<Replica> {
  const store = await database.openStore();
  const feed = await ChangeFeed.open({
    connection: database.roles.system,
    logger,
    pollIntervalMs: 100,
    reconnectDelayMaxMs: options.reconnectDelayMaxMs ?? 200,
  });
  const common = { store, logger, nowMs: Date.now };
  const state = await ConfigState.open({
    ...common,
    feed,
    masterKeys: database.masterKeys,
    tokenIssuer: 'https://gateway.example.com',
    retryDelayMs: 50,
    ...options.state,
  });
  replicas += 1;
  const server = await createNodeServer({
    ...common,
    source: state,
    replica: `replica-${replicas}`,
    grpc: { host: '127.0.0.1', port: 0 },
    nodeStatusFlushIntervalMs: 20,
    keyUsageFlushIntervalMs: 20,
    heartbeatIntervalMs: 50,
    tokenRecheckIntervalMs: 200,
    ...options.server,
  });
  return {
    address: server.address,
    store,
    state,
    feed,
    close: async () => {
      await server.close();
      await state.close();
      await feed.close();
    },
  };
}

/** A database and the means to change it, for a whole test file. */
export interface ControlStreamSetup {
  readonly database: TestDatabase;
  readonly rows: ControlStreamDatabase;
  replica(options?: ReplicaOptions): Promise<Replica>;
  close(): Promise<void>;
}

export async function setUpControlStream(): Promise<ControlStreamSetup> {
  const database = await createTestDatabase();
  const rows = new ControlStreamDatabase(await database.openStore(), database.masterKeys);
  const open: Replica[] = [];
  return {
    database,
    rows,
    replica: async (options) => {
      const replica = await startReplica(database, options);
      open.push(replica);
      return replica;
    },
    close: async () => {
      await Promise.all(open.map((replica) => replica.close()));
      await database.drop();
    },
  };
}

/** Polls until `read` gives something that `accept` takes. @throws when time is up, with the last value. */
export async function eventually<T>(
  read: () => Promise<T> | T,
  accept: (value: T) => boolean,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (accept(value)) return value;
    if (performance.now() > deadline) {
      throw new Error(`Not within ${timeoutMs} ms; last: ${JSON.stringify(value)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
