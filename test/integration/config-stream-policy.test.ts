import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { contracts } from '../../common/contracts.ts';
import {
  type CompiledResource,
  compiledResource,
} from '../../control-plane/snapshot/compiled-resource.ts';
import { ConfigModel } from '../../control-plane/snapshot/config-model.ts';
import { organizationResource } from '../../control-plane/snapshot/organization-resource.ts';
import { sealKeyRingResource } from '../../control-plane/snapshot/seal-key-ring-resource.ts';
import { NodeDisk, type TestNode, testNode } from '../support/control-plane-double-node.ts';
import {
  type ControlStreamSetup,
  eventually,
  setUpControlStream,
} from '../support/control-stream.ts';
import { ScriptedNode } from '../support/control-stream-client.ts';
import { policyColumns } from '../support/policy-settings.ts';

const organizationId = '01900000-0000-7000-8000-000000000001';
const serverId = '01900000-0000-7000-8000-000000000002';
const otherServerId = '01900000-0000-7000-8000-000000000003';

let setup: ControlStreamSetup;
const disks: NodeDisk[] = [];
const nodes: TestNode[] = [];

function policy(condition: string): CompiledResource {
  return compiledResource({
    type: 'Policy',
    name: 'policy-1',
    scope: { organizationId, serverIds: [serverId] },
    body: contracts.resources.Policy.serialize({ id: 'policy-1', organizationId, condition }),
  });
}

/** A source that the test moves by hand: policies have no table yet. */
function handMadeSource(groupId: string) {
  const model = new ConfigModel('epoch-1', 1, 100);
  const listeners = new Set<(event: { tokens: boolean }) => void>();
  const servesAll = { id: groupId, name: 'g', servesAll: true, organizationIds: new Set<string>() };
  const organization = organizationResource({
    id: organizationId,
    slug: 'acme',
    enabled: true,
    mustAudit: false,
    allowedOrigins: [],
    staleAfterSeconds: null,
    ...policyColumns,
  });
  const ring = sealKeyRingResource(groupId, [
    { keyId: 'k', key: Buffer.alloc(32, 1), primary: true },
  ]);
  model.apply({
    toRevision: 1,
    groups: [servesAll],
    sources: [
      { source: `organization/${organizationId}`, resource: organization },
      { source: `seal_keys/${groupId}`, resource: ring },
      { source: 'policy/policy-1', resource: policy('this is no CEL (') },
    ],
  });
  return {
    source: {
      model,
      readAtMs: Date.now(),
      refresh: () => Promise.resolve(),
      subscribe: (listener: (event: { tokens: boolean }) => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    set: (resource: CompiledResource | undefined) => {
      const sources = [{ source: 'policy/policy-1', resource }];
      model.apply({ toRevision: model.revision + 1, groups: undefined, sources });
      for (const listener of listeners) listener({ tokens: false });
    },
  };
}

async function startNode(token: string, address: string): Promise<TestNode> {
  const disk = await NodeDisk.make();
  disks.push(disk);
  await disk.writeToken(token);
  const node = await testNode(disk, [address]);
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

describe('a policy that a build can’t use', () => {
  test('closes what it targets, also on a node that starts empty, until it is gone', async () => {
    const groupId = await setup.rows.addGroup('policies', 'all');
    const tokens = await Promise.all(
      ['one', 'two', 'watcher'].map((name) => setup.rows.addToken(groupId, name)),
    );
    const [one, two, watcher] = tokens.map(({ text }) => text);
    const { source, set } = handMadeSource(groupId);
    const replica = await setup.replica({ server: { source } });

    const first = await startNode(one ?? '', replica.address);
    const closed = await first.snapshot(() => true);
    expect(closed.failClosed(organizationId, serverId)).toMatchObject({ type: 'Policy' });
    expect(closed.failClosed(organizationId, otherServerId)).toBeUndefined();
    const rejected = await eventually(
      () =>
        setup.rows.rows<{ last_nack: { rejected: { name: string; message: string }[] } }>(
          `select last_nack from nodes where name = 'one' and last_nack is not null`,
        ),
      (rows) => rows.length > 0,
    );
    expect(rejected[0]?.last_nack.rejected[0]?.name).toBe('policy-1');

    // What goes out to the same build now is the envelope alone.
    const wire = new ScriptedNode({
      address: replica.address,
      token: watcher ?? '',
      hello: { build: '1.0.0' },
    });
    await wire.until('a range', () => wire.ranges.length === 1);
    expect(wire.get('Policy', 'policy-1')).toMatchObject({
      withheld: true,
      body: Buffer.alloc(0),
      scope: { organizationId, serverIds: [serverId] },
    });
    await wire.close();

    const second = await startNode(two ?? '', replica.address);
    const fresh = await second.snapshot(() => true);
    expect(fresh.failClosed(organizationId, serverId)).toMatchObject({ type: 'Policy' });

    set(undefined);
    for (const node of [first, second]) {
      const open = await node.snapshot((snapshot) => snapshot.revision === 2);
      expect(open.failClosed(organizationId, serverId)).toBeUndefined();
    }
  });
});
