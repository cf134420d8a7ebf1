import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import {
  approveServerTools,
  approveTool,
  revokeToolApproval,
} from '../../control-plane/definitions/tool-approvals.ts';
import { systemActor } from '../../control-plane/identity/actor.ts';
import { deleteServer } from '../../control-plane/registry/servers.ts';
import type { Store } from '../../control-plane/store/store.ts';
import type { Snapshot } from '../../data-plane/snapshot/snapshot.ts';
import { NodeDisk, type TestNode, testNode } from '../support/control-plane-double-node.ts';
import {
  type ControlStreamSetup,
  type Replica,
  setUpControlStream,
} from '../support/control-stream.ts';

let setup: ControlStreamSetup;
let store: Store;
let replica: Replica;
let organizationId: string;
let serverId: string;
let disk: NodeDisk;
let node: TestNode | undefined;

beforeAll(async () => {
  setup = await setUpControlStream();
  store = await setup.database.openStore();
  replica = await setup.replica();
  organizationId = await setup.rows.addOrganization('acme');
  serverId = await setup.rows.addServer(organizationId, 'files');
  const groupId = await setup.rows.addGroup('nodes', [organizationId]);
  const token = await setup.rows.addToken(groupId, 'node');
  disk = await NodeDisk.make();
  await disk.writeToken(token.text);
  node = await testNode(disk, [replica.address]);
  void node.client.start();
});

afterEach(() => replica.state.refresh());

afterAll(async () => {
  await node?.close();
  await disk.remove();
  await setup.close();
});

/** Writes a tool as the worker does. @returns its hash. */
async function offer(tool: string, definition: object): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(definition)).digest();
  await store.withSystem((em) =>
    em.execute(
      `insert into server_definitions (organization_id, id, server_id, kind, name, definition, hash)
       values (?, gen_random_uuid(), ?, 'tool', ?, ?::jsonb, ?)
       on conflict (organization_id, server_id, kind, name) do update
         set definition = excluded.definition, hash = excluded.hash, changed_at = now()`,
      [organizationId, serverId, tool, JSON.stringify(definition), hash],
    ),
  );
  return hash.toString('hex');
}

async function snapshotAt(revision: number | null | undefined): Promise<Snapshot> {
  if (node === undefined) throw new Error('There is no node.');
  return node.snapshot((one) => one.revision >= (revision ?? 0));
}

const of = (tool: string) => ({ organizationId, serverId, tool });

test('an approval reaches a node, with the hints that were approved and no others', async () => {
  const annotations = {
    ...{ title: 'Read', readOnlyHint: true, destructiveHint: 'no', idempotentHint: false },
    openWorldHint: null,
  };
  const hash = await offer('read', { name: 'read', annotations });
  const approved = await approveTool(store, systemActor, { ...of('read'), hash });
  const snapshot = await snapshotAt(approved.ok ? approved.value.revision : undefined);
  expect(snapshot.toolPin(serverId, 'read')).toEqual({
    tool: 'read',
    hash,
    annotations: {
      ...{ title: 'Read', readOnly: true, idempotent: false },
      ...{ destructive: undefined, openWorld: undefined },
    },
  });
  expect(snapshot.toolPin(serverId, 'write')).toBeUndefined();
});

test('what the server says afterwards does not, until it is approved too', async () => {
  const before = await offer('read', { name: 'read', annotations: { readOnlyHint: true } });
  await approveTool(store, systemActor, { ...of('read'), hash: before });
  const after = await offer('read', { name: 'read', annotations: { readOnlyHint: false } });
  const stale = await approveTool(store, systemActor, { ...of('read'), hash: before });
  expect(stale).toMatchObject({ ok: false, violations: [{ code: 'VERSION_CONFLICT' }] });
  const revision = await setup.rows.setServer(organizationId, serverId, { enabled: true });
  const unchanged = await snapshotAt(revision);
  expect(unchanged.toolPin(serverId, 'read')).toMatchObject({
    hash: before,
    annotations: { readOnly: true },
  });
  const approved = await approveTool(store, systemActor, { ...of('read'), hash: after });
  const snapshot = await snapshotAt(approved.ok ? approved.value.revision : undefined);
  expect(snapshot.toolPin(serverId, 'read')).toMatchObject({
    hash: after,
    annotations: { readOnly: false },
  });
});

test('it is taken back everywhere', async () => {
  const hash = await offer('gone', { name: 'gone' });
  const approved = await approveTool(store, systemActor, { ...of('gone'), hash });
  const with_ = await snapshotAt(approved.ok ? approved.value.revision : undefined);
  expect(with_.toolPin(serverId, 'gone')?.hash).toBe(hash);
  const revoked = await revokeToolApproval(store, systemActor, of('gone'));
  const without = await snapshotAt(revoked.ok ? revoked.value.revision : undefined);
  expect(without.toolPin(serverId, 'gone')).toBeUndefined();
});

test('all of a server’s tools are approved at once, in several changes, and go with the server', async () => {
  await Promise.all(
    Array.from({ length: 450 }, (_, index) => offer(`many-${index}`, { name: `many-${index}` })),
  );
  const approved = await approveServerTools(store, systemActor, { organizationId, serverId });
  expect(approved).toMatchObject({ ok: true, value: { count: 451 } });
  const snapshot = await snapshotAt(approved.ok ? approved.value.revision : undefined);
  expect(snapshot.toolPin(serverId, 'many-0')).toBeDefined();
  expect(snapshot.toolPin(serverId, 'many-449')).toBeDefined();
  const again = await approveServerTools(store, systemActor, { organizationId, serverId });
  expect(again).toEqual({ ok: true, value: { count: 0, revision: null } });

  const [row] = await store.withSystem((em) =>
    em.execute<{ version: number }[]>('select version from mcp_servers where id = ?', [serverId]),
  );
  const version = row?.version ?? 0;
  const deleted = await deleteServer(store, systemActor, { organizationId, id: serverId, version });
  const without = await snapshotAt(deleted.ok ? deleted.value.revision : undefined);
  expect(without.toolPin(serverId, 'many-0')).toBeUndefined();
  // A replica that starts now holds the same.
  const fresh = await setup.replica();
  await replica.state.refresh();
  expect(replica.state.model?.size).toBe(fresh.state.model?.size);
});
