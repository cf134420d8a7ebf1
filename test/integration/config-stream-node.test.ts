import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { contracts } from '../../common/contracts.ts';
import { createReporter } from '../../data-plane/events/reporter.ts';
import type { CallRecord } from '../../proto/gen/mcpgw/events/v1/CallRecord.ts';
import { testCertificates } from '../support/control-plane-double-certificates.ts';
import {
  NodeDisk,
  quiet,
  type TestNode,
  testNode,
  testSpool,
} from '../support/control-plane-double-node.ts';
import {
  type ControlStreamSetup,
  eventually,
  setUpControlStream,
} from '../support/control-stream.ts';
import { callEvent } from '../support/control-stream-events.ts';

let setup: ControlStreamSetup;
const disks: NodeDisk[] = [];
const nodes: TestNode[] = [];

/** A disk that holds the token of a node of a new organization's group. */
async function tenant(slug: string) {
  const organizationId = await setup.rows.addOrganization(slug);
  const groupId = await setup.rows.addGroup(slug, [organizationId]);
  const token = await setup.rows.addToken(groupId, slug);
  const disk = await NodeDisk.make();
  disks.push(disk);
  await disk.writeToken(token.text);
  return { organizationId, groupId, disk, tokenRowId: token.rowId };
}

async function startNode(...parameters: Parameters<typeof testNode>): Promise<TestNode> {
  const node = await testNode(...parameters);
  nodes.push(node);
  void node.client.start();
  return node;
}

beforeAll(async () => {
  setup = await setUpControlStream();
});

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()));
  await Promise.all(disks.splice(0).map((disk) => disk.remove()));
});

afterAll(async () => {
  await setup.close();
});

describe('a proxy node at a real control plane', () => {
  test('takes its snapshot, follows changes, and starts from its cache without losing any', async () => {
    const replica = await setup.replica();
    const { organizationId, disk } = await tenant('whole');
    const serverId = await setup.rows.addServer(organizationId, 'files', {
      header: 'x-api-key',
      value: 'upstream',
    });
    const [key] = await setup.rows.addKeys(organizationId, 1);
    const first = await startNode(disk, [replica.address]);
    const snapshot = await first.snapshot((one) => one.apiKey(key?.keyId ?? '') !== undefined);
    expect(snapshot.organization('whole')?.id).toBe(organizationId);
    expect(snapshot.server(organizationId, 'files')?.credential?.value).toBe('upstream');
    expect(snapshot.sealKeys.primary.id).toBe('k1');

    const revision = await setup.rows.revokeKey(organizationId, key?.id ?? '');
    const after = await first.snapshot((one) => one.revision >= revision);
    expect(after.apiKey(key?.keyId ?? '')).toBeUndefined();
    await first.close();
    nodes.splice(nodes.indexOf(first), 1);

    await setup.rows.setServer(organizationId, serverId, { enabled: false });
    const second = await startNode(disk, [replica.address], { instanceId: 'instance-2' });
    const resumed = await second.snapshot(
      (one) => one.server(organizationId, 'files')?.enabled === false,
    );
    expect(resumed.apiKey(key?.keyId ?? '')).toBeUndefined();
    expect(second.client.status()).toMatchObject({ connection: 'connected' });
  });

  test('comes through a large first sync, and goes on when its replica closes', async () => {
    const one = await setup.replica({ server: { chunkBytes: 16 * 1024 } });
    const two = await setup.replica();
    const { organizationId, disk } = await tenant('large');
    const keys = await setup.rows.addKeys(organizationId, 3000);
    const node = await startNode(disk, [one.address, two.address]);
    const last = keys.at(-1)?.keyId ?? '';
    await node.snapshot((snapshot) => snapshot.apiKey(last) !== undefined);
    await one.close();
    const revision = await setup.rows.revokeKey(organizationId, keys[0]?.id ?? '');
    const snapshot = await node.snapshot((current) => current.revision >= revision);
    expect(snapshot.apiKey(keys[0]?.keyId ?? '')).toBeUndefined();
    expect(snapshot.apiKey(last)).toBeDefined();
  });

  test('a revoked node token is refused, a renewed one let in', async () => {
    const replica = await setup.replica();
    const { groupId, disk, tokenRowId } = await tenant('rotated');
    const node = await startNode(disk, [replica.address]);
    await node.snapshot(() => true);
    await setup.rows.revokeToken(tokenRowId);
    await eventually(
      () => node.client.status().connection,
      (connection) => connection === 'refused',
    );
    const renewed = await setup.rows.addToken(groupId, 'rotated');
    await disk.writeToken(renewed.text);
    await eventually(
      () => node.client.status().connection,
      (connection) => connection === 'connected',
    );
  });

  test('its records arrive once, also when they are sent while the control plane restarts', async () => {
    const first = await setup.replica();
    const { organizationId, disk } = await tenant('records');
    await mkdir(disk.spoolFolder, { recursive: true });
    const spool = await testSpool(disk.spoolFolder);
    const credential = await disk.credential();
    const second = await setup.replica();
    const reporter = createReporter({
      connection: { addresses: [first.address, second.address], tls: undefined },
      credential,
      spool,
      batchEventsMax: 50,
      batchBytesMax: 256 * 1024,
      batchesInFlightMax: 4,
      acknowledgmentTimeoutMs: 5000,
      reconnectFirstMs: 10,
      reconnectMaxMs: 50,
      refusedRetryMs: 60_000,
      logger: quiet,
      random: Math.random,
    });
    reporter.start();
    const total = 500;
    for (let sent = 0; sent < total; sent += 1) {
      const { call } = callEvent(1, organizationId, { callId: randomUUID() });
      const record = contracts.events.CallRecord.deserialize(
        contracts.events.CallRecord.serialize(call ?? {}),
      ) as CallRecord;
      expect(spool.record(record)).toBe(true);
      if (sent === 250) {
        await eventually(
          () => reporter.status().eventsTotal,
          (count) => count > 0,
        );
        await first.close();
      }
    }
    const count = async () => {
      const [row] = await setup.rows.rows<{ all: number; calls: number }>(
        `select count(*)::integer as all, count(distinct call_id)::integer as calls
         from request_logs where organization_id = ?`,
        [organizationId],
      );
      return row;
    };
    await eventually(count, (row) => row?.calls === total);
    expect(await count()).toEqual({ all: total, calls: total });
    await reporter.close();
    await spool.close();
    credential.close();
  });

  test('over TLS, and with a certificate of its own where that is asked for', async () => {
    const { authority, serverCertificate, serverKey, nodeCertificate, nodeKey } = testCertificates;
    const tls = { certificate: serverCertificate, privateKey: serverKey };
    const grpc = { host: '127.0.0.1', port: 0 };
    const plain = await setup.replica({ server: { grpc: { ...grpc, tls } } });
    const mutual = await setup.replica({
      server: { grpc: { ...grpc, tls: { ...tls, clientCertificateAuthority: authority } } },
    });
    const { disk } = await tenant('secured');
    const anonymous = {
      certificateAuthority: authority,
      certificate: undefined,
      privateKey: undefined,
      serverName: undefined,
    };
    const own = { ...anonymous, certificate: nodeCertificate, privateKey: nodeKey };
    for (const [address, shown] of [
      [plain.address, anonymous],
      [mutual.address, own],
    ] as const) {
      const node = await startNode(disk, [address], {
        connection: { addresses: [address], tls: shown },
        cacheFile: `${disk.cacheFile}-${address.replace(/\W/g, '-')}`,
      });
      await node.snapshot(() => true);
    }
    const refused = await startNode(disk, [mutual.address], {
      connection: { addresses: [mutual.address], tls: anonymous },
      cacheFile: `${disk.cacheFile}-refused`,
    });
    await eventually(
      () => refused.client.status().streamsTotal,
      (attempts) => attempts >= 2,
    );
    expect(refused.holder.current()).toBeUndefined();
  });
});
