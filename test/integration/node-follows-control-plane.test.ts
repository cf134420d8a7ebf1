import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { contracts } from '../../common/contracts.ts';
import { ConfigDiscoveryService } from '../../control-plane/discovery/config-discovery-service.ts';
import { createGrpcServer, type GrpcServer } from '../../control-plane/discovery/grpc-server.ts';
import { NodeAuthenticator } from '../../control-plane/discovery/node-authenticator.ts';
import { NodeStatusWriter } from '../../control-plane/discovery/node-status-writer.ts';
import { NodeStreams } from '../../control-plane/discovery/node-streams.ts';
import { systemActor } from '../../control-plane/identity/actor.ts';
import { EventIngestService } from '../../control-plane/ingest/event-ingest-service.ts';
import { KeyUsage } from '../../control-plane/ingest/key-usage.ts';
import { createNodeToken, revokeNodeToken } from '../../control-plane/registry/node-tokens.ts';
import { ensureSealKeys } from '../../control-plane/registry/seal-keys.ts';
import { createServer } from '../../control-plane/registry/servers.ts';
import { ConfigState } from '../../control-plane/snapshot/config-state.ts';
import { ChangeFeed } from '../../control-plane/store/change-feed.ts';
import { commitChange } from '../../control-plane/store/commit-change.ts';
import { Organization } from '../../control-plane/store/entities/organization.ts';
import type { Store } from '../../control-plane/store/store.ts';
import { uuidV7 } from '../../control-plane/store/uuid-v7.ts';
import { createReporter, type Reporter } from '../../data-plane/events/reporter.ts';
import type { Spool } from '../../data-plane/events/spool.ts';
import { callRecord } from '../support/control-plane-double-events.ts';
import {
  eventually,
  NodeDisk,
  quiet,
  type TestNode,
  testNode,
  testSpool,
} from '../support/control-plane-double-node.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

/** One replica of the control plane, as far as nodes see it. */
class Replica {
  readonly address: string;
  readonly port: number;
  readonly #closers: readonly (() => unknown)[];

  private constructor(server: GrpcServer, closers: readonly (() => unknown)[]) {
    this.address = server.address;
    this.port = server.port;
    this.#closers = closers;
  }

  static async start(database: TestDatabase, store: Store, port = 0): Promise<Replica> {
    const feed = await ChangeFeed.open({ connection: database.roles.system, logger: quiet });
    const nowMs = Date.now;
    const { masterKeys } = database;
    const source = await ConfigState.open({
      store,
      feed,
      masterKeys,
      tokenIssuer: 'https://gateway.example.com',
      logger: quiet,
      nowMs,
    });
    const streams = new NodeStreams({
      authenticator: new NodeAuthenticator({ store, nowMs }),
      logger: quiet,
      nowMs,
      streamsMax: 100,
      streamsPerTokenMax: 4,
      authenticatingMax: 10,
      recheckIntervalMs: 1000,
    });
    const status = new NodeStatusWriter({
      store,
      logger: quiet,
      nowMs,
      replica: uuidV7(),
      flushIntervalMs: 50,
      leaseMs: 5000,
    });
    const discovery = new ConfigDiscoveryService({
      source,
      streams,
      status,
      limits: {
        helloTimeoutMs: 5000,
        acknowledgmentTimeoutMs: 5000,
        versionListTimeoutMs: 5000,
        versionListMax: 10_000,
        rejectedMax: 1000,
        chunkBytes: 1024,
        heartbeatIntervalMs: 200,
      },
      nowMs,
    });
    const keyUsage = new KeyUsage({ store, logger: quiet, flushIntervalMs: 1000 });
    const ingest = new EventIngestService({
      store,
      streams,
      keyUsage,
      logger: quiet,
      batchEventsMax: 1000,
    });
    const server = await createGrpcServer({
      host: '127.0.0.1',
      port,
      services: [
        { definition: contracts.discovery.ConfigDiscovery.service, handlers: discovery.handlers },
        { definition: contracts.events.EventIngest.service, handlers: ingest.handlers },
      ],
    });
    return new Replica(server, [
      () => streams.close(),
      () => server.close(),
      () => discovery.close(),
      () => status.close(),
      () => keyUsage.close(),
      () => source.close(),
      () => feed.close(),
    ]);
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }
}

let database: TestDatabase;
let store: Store;
let token: { readonly id: string; readonly version: number };
let disk: NodeDisk;
let replica: Replica;
let node: TestNode;

beforeAll(async () => {
  database = await createTestDatabase();
  store = await database.openStore();
  await ensureSealKeys(store, database.masterKeys);
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  disk = await NodeDisk.make();
  const [group] = await store.withPlatform((em) =>
    em.execute<{ id: string }[]>(`select id from node_groups where name = 'default'`),
  );
  const created = await createNodeToken(
    store,
    systemActor,
    { nodeGroupId: group?.id ?? '', name: 'node-1' },
    Date.now(),
  );
  if (!created.ok) throw new Error('no token');
  token = created.value.nodeToken;
  await disk.writeToken(created.value.token);
  replica = await Replica.start(database, store);
  node = await testNode(disk, [replica.address]);
  await node.client.start();
});

afterEach(async () => {
  await node.close();
  await replica.close();
  await disk.remove();
});

async function addOrganization(slug: string): Promise<string> {
  const id = uuidV7();
  await store.withPlatform(async (em) => {
    em.create(Organization, {
      id,
      slug,
      name: slug,
      enabled: true,
      mustAudit: false,
      allowedOrigins: [],
    });
    await commitChange(em, {
      organizationId: id,
      actor: systemActor,
      action: 'organization.create',
      target: { type: 'organization', id, label: slug },
      resources: [{ kind: 'organization', id }],
    });
  });
  return id;
}

async function addServer(organizationId: string, slug: string): Promise<string> {
  const saved = await createServer(
    { store, masterKeys: database.masterKeys, addressRules: { privateAddressesAllowed: true } },
    systemActor,
    {
      organizationId,
      slug,
      name: slug,
      description: '',
      enabled: true,
      transport: 'streamable-http',
      era: null,
      endpoints: [{ url: 'http://127.0.0.1:9/mcp', weight: 1 }],
      labels: [],
      documentationUrl: null,
      connectTimeoutMs: null,
      requestTimeoutMs: null,
      credential: { header: 'Authorization', value: 'Bearer upstream' },
    },
  );
  if (!saved.ok) throw new Error(JSON.stringify(saved.violations));
  return saved.value.server.id;
}

describe('a node of a real control plane', () => {
  test('has a change in force soon after it is committed', async () => {
    const organizationId = await addOrganization('changes');
    const serverId = await addServer(organizationId, 'files');
    const snapshot = await node.snapshot(
      (current) => current.server(organizationId, 'files') !== undefined,
    );
    expect(snapshot.organization('changes')?.id).toBe(organizationId);
    expect(snapshot.server(organizationId, 'files')).toMatchObject({
      id: serverId,
      transport: 'streamable-http',
      credential: { header: 'authorization', value: 'Bearer upstream' },
    });
    expect([...node.client.state().refused()]).toEqual([]);
    await eventually(() => (node.client.status().stalenessMs ?? 1e9) < 2000, 'heartbeats');
  });

  test('serves on when it is gone, starts without it, and catches up afterwards', async () => {
    const before = await addOrganization('outage-before');
    await node.snapshot((current) => current.organization('outage-before') !== undefined);
    const { port } = replica;
    await replica.close();
    expect(node.holder.current()?.organization('outage-before')?.id).toBe(before);
    await node.close();
    node = await testNode(disk, [`127.0.0.1:${port}`], { startWaitMs: 50 });
    await node.client.start();
    expect(node.holder.current()?.organization('outage-before')?.id).toBe(before);
    const during = await addOrganization('outage-during');
    replica = await Replica.start(database, store, port);
    const snapshot = await node.snapshot(
      (current) => current.organization('outage-during') !== undefined,
    );
    expect(snapshot.organization('outage-during')?.id).toBe(during);
    expect(snapshot.organization('outage-before')?.id).toBe(before);
  });

  test('is cut off when its token is revoked, and serves on', async () => {
    await addOrganization('revoked');
    await node.snapshot((current) => current.organization('revoked') !== undefined);
    await revokeNodeToken(store, systemActor, { id: token.id, version: token.version }, Date.now());
    await eventually(() => node.client.status().connection === 'refused', 'the refusal');
    expect(node.holder.current()?.organization('revoked')).toBeDefined();
  });
});

describe('records of a node', () => {
  let spool: Spool;
  let reporter: Reporter;

  beforeEach(async () => {
    spool = await testSpool(disk.spoolFolder);
    reporter = createReporter({
      connection: { addresses: [replica.address], tls: undefined },
      credential: node.credential,
      spool,
      batchEventsMax: 500,
      batchBytesMax: 256 * 1024,
      batchesInFlightMax: 4,
      acknowledgmentTimeoutMs: 5000,
      reconnectFirstMs: 20,
      reconnectMaxMs: 100,
      refusedRetryMs: 60_000,
      logger: quiet,
      random: Math.random,
    });
    reporter.start();
  });

  afterEach(async () => {
    await reporter.close();
    await spool.close();
  });

  test('are in the database once each, also when the control plane is replaced meanwhile', async () => {
    const organizationId = await addOrganization('records');
    const serverId = await addServer(organizationId, 'files');
    const ids = Array.from({ length: 1000 }, () => uuidV7());
    const record = (callId: string): boolean =>
      spool.record(
        callRecord(callId, { organizationId, serverId, endpointId: '', startedAtMs: Date.now() }),
      );
    for (const id of ids.slice(0, 500)) expect(record(id)).toBe(true);
    await eventually(() => spool.acknowledgedSequence > 0, 'the first acknowledgment');
    const { port } = replica;
    await replica.close();
    for (const id of ids.slice(500)) expect(record(id)).toBe(true);
    replica = await Replica.start(database, store, port);
    expect(await reporter.drain(10_000)).toBe(true);
    const rows = await store.withSystem((em) =>
      em.execute<{ id: string }[]>(
        'select call_id::text as id from request_logs where organization_id = ?',
        [organizationId],
      ),
    );
    expect(rows.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(reporter.status().rejectedTotal).toBe(0);
  });
});
