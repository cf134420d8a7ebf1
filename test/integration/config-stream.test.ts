import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { contracts } from '../../common/contracts.ts';
import { newCredential } from '../../common/credential.ts';
import {
  type ControlStreamSetup,
  eventually,
  type Replica,
  setUpControlStream,
} from '../support/control-stream.ts';
import {
  emptyMemory,
  ScriptedNode,
  type ScriptedNodeOptions,
} from '../support/control-stream-client.ts';

let setup: ControlStreamSetup;
let replica: Replica;
const nodes: ScriptedNode[] = [];
let serial = 0;

function connect(options: Partial<ScriptedNodeOptions> & { token: string }): ScriptedNode {
  const node = new ScriptedNode({ address: replica.address, ...options });
  nodes.push(node);
  return node;
}

/** A name that no other test of this file uses. */
function unique(prefix: string): string {
  serial += 1;
  return `${prefix}-${serial}`;
}

/** An organization with a group of its own and a token. */
async function tenant() {
  const organizationId = await setup.rows.addOrganization(unique('org'));
  const groupId = await setup.rows.addGroup(unique('group'), [organizationId]);
  const name = unique('node');
  const token = await setup.rows.addToken(groupId, name);
  return { organizationId, groupId, name, token: token.text, tokenRowId: token.rowId };
}

beforeAll(async () => {
  setup = await setUpControlStream();
  replica = await setup.replica();
});

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()));
});

afterAll(async () => {
  await setup.close();
});

describe('a node’s stream', () => {
  test('welcomes the node and brings it everything of its group, then each change', async () => {
    const { organizationId, groupId, name, token } = await tenant();
    const serverId = await setup.rows.addServer(organizationId, 'files', {
      header: 'authorization',
      value: 'Bearer upstream-secret',
    });
    const [key] = await setup.rows.addKeys(organizationId, 1);
    const node = connect({ token });
    await node.until('the key', () => node.names('ApiKey').length === 1);
    expect(node.welcomes[0]).toMatchObject({
      epoch: replica.state.model?.epoch,
      nodeName: name,
      epochChanged: false,
      heartbeatIntervalMs: 50,
    });
    expect(node.names('Organization')).toEqual([organizationId]);
    expect(node.names('SealKeyRing')).toEqual([groupId]);
    const body = node.get('Server', serverId)?.body ?? Buffer.alloc(0);
    expect(contracts.resources.Server.deserialize(body)).toMatchObject({
      slug: 'files',
      enabled: true,
      credential: { header: 'authorization', value: 'Bearer upstream-secret' },
    });

    const disabled = await setup.rows.setServer(organizationId, serverId, { enabled: false });
    await node.holds(disabled);
    const changed = node.get('Server', serverId)?.body ?? Buffer.alloc(0);
    expect(contracts.resources.Server.deserialize(changed).enabled).toBe(false);
    expect(node.ranges.at(-1)?.resources.map(({ type }) => type)).toEqual(['Server']);

    const revoked = await setup.rows.revokeKey(organizationId, key?.id ?? '');
    await node.holds(revoked);
    expect(node.names('ApiKey')).toEqual([]);
    expect(node.ranges.at(-1)?.removed).toEqual([`ApiKey/${key?.keyId}`]);
    expect(node.mismatches).toEqual([]);
  });

  test('a disabled organization stays known, a removed one takes all that is its own along', async () => {
    const { organizationId, token } = await tenant();
    await setup.rows.addServer(organizationId, 'files');
    const node = connect({ token });
    await node.until('the server', () => node.names('Server').length === 1);
    await node.holds(await setup.rows.setOrganization(organizationId, { enabled: false }));
    const body = node.get('Organization', organizationId)?.body ?? Buffer.alloc(0);
    expect(contracts.resources.Organization.deserialize(body).enabled).toBe(false);
    await node.holds(await setup.rows.removeOrganization(organizationId));
    expect([...node.memory.held.keys()].map((held) => held.split('/')[0])).toEqual(['SealKeyRing']);
    expect(node.mismatches).toEqual([]);
  });

  test('a node never receives another group’s resources', async () => {
    const one = await tenant();
    const other = await tenant();
    const mine = connect({ token: one.token });
    const theirs = connect({ token: other.token });
    await setup.rows.addServer(other.organizationId, 'files');
    await setup.rows.addKeys(other.organizationId, 3);
    await setup.rows.addKeys(one.organizationId, 1);
    const revision = await setup.rows.setOrganization(one.organizationId, { enabled: false });
    await Promise.all([mine.holds(revision), theirs.holds(revision)]);
    const seen = mine.chunks.flatMap((chunk) => chunk.resources);
    const owners = new Set(seen.map((resource) => resource.scope?.organizationId));
    expect([...owners].sort()).toEqual(['', one.organizationId]);
    expect(mine.names('SealKeyRing')).toEqual([one.groupId]);
    expect(theirs.names('ApiKey')).toHaveLength(3);
  });

  test('a group that serves all gets organizations of tomorrow, and assignment moves them', async () => {
    const all = await setup.rows.addToken(
      await setup.rows.addGroup(unique('all'), 'all'),
      unique('n'),
    );
    const { groupId, token } = await tenant();
    const wide = connect({ token: all.text });
    const narrow = connect({ token });
    const later = await setup.rows.addOrganization(unique('later'));
    await wide.until('the organization', () => wide.names('Organization').includes(later));
    expect(narrow.names('Organization')).not.toContain(later);
    const assigned = await setup.rows.change(null, [{ kind: 'node_group', id: groupId }], (em) =>
      em.execute(
        'insert into node_group_organizations (node_group_id, organization_id) values (?, ?)',
        [groupId, later],
      ),
    );
    await narrow.holds(assigned);
    expect(narrow.names('Organization')).toContain(later);
    expect(narrow.mismatches).toEqual([]);
  });

  test('resumes from the change log with what changed alone, and is told when nothing did', async () => {
    const { organizationId, token } = await tenant();
    await setup.rows.addKeys(organizationId, 20);
    const memory = emptyMemory();
    const first = connect({ token, memory });
    await first.until('the keys', () => first.names('ApiKey').length === 20);
    await first.close();
    const serverId = await setup.rows.addServer(organizationId, 'files');
    await replica.state.refresh();
    const second = connect({ token, memory });
    await second.until('a range', () => second.ranges.length === 1);
    expect(second.ranges[0]?.resources.map(({ name }) => name)).toEqual([serverId]);
    await second.close();
    const third = connect({ token, memory });
    await third.until('a range', () => third.ranges.length === 1);
    expect(third.ranges[0]).toMatchObject({ resources: [], removed: [] });
    expect(third.ranges[0]?.from).toBe(third.ranges[0]?.to);
    expect([...first.mismatches, ...second.mismatches, ...third.mismatches]).toEqual([]);
    expect(third.versionListRequests).toEqual([]);
  });

  test('beyond the change log only the types that differ are listed', async () => {
    const { organizationId, token } = await tenant();
    const keys = await setup.rows.addKeys(organizationId, 5);
    await setup.rows.addServer(organizationId, 'files');
    const memory = emptyMemory();
    const first = connect({ token, memory });
    await first.until('the server', () => first.names('Server').length === 1);
    await first.until('the keys', () => first.names('ApiKey').length === 5);
    await first.close();
    await setup.rows.revokeKey(organizationId, keys[0]?.id ?? '');
    // A replica that started later has no log of that change.
    const fresh = await setup.replica();
    const node = connect({ token, memory, address: fresh.address });
    await node.until('a range', () => node.ranges.length === 1);
    expect(node.versionListRequests).toEqual([['ApiKey']]);
    expect(node.ranges[0]).toMatchObject({ resources: [], removed: [`ApiKey/${keys[0]?.keyId}`] });
    expect(node.mismatches).toEqual([]);
  });

  test('a first sync that is cut in the middle leaves nothing behind, and the next one is whole', async () => {
    const { organizationId, token } = await tenant();
    await setup.rows.addKeys(organizationId, 2000);
    const small = await setup.replica({ server: { chunkBytes: 8 * 1024 } });
    const memory = emptyMemory();
    const cut = connect({ token, memory, address: small.address, cutAtChunk: 3 });
    await cut.ended;
    expect(cut.chunks.length).toBeGreaterThanOrEqual(4);
    expect(cut.chunks.every((chunk) => chunk.commit === null)).toBe(true);
    expect(memory.revision).toBe(0);
    const node = connect({ token, memory, address: small.address });
    await node.until('the keys', () => node.names('ApiKey').length === 2000);
    expect(node.chunks.length).toBeGreaterThan(20);
    expect(node.chunks.map(({ index }) => index)).toEqual(node.chunks.map((_, index) => index));
    expect(node.mismatches).toEqual([]);
  });

  test('a refused resource is named on the node’s row and comes back withheld, not again', async () => {
    const { organizationId, groupId, name, token } = await tenant();
    const serverId = await setup.rows.addServer(organizationId, 'files');
    const reject: ScriptedNodeOptions['reject'] = ({ type }) =>
      type === 'Server'
        ? { path: `${'x'.repeat(499)}😀`, message: 'not usable\u0000 here' }
        : undefined;
    const node = connect({ token, reject });
    await node.until('a range', () => node.ranges.length === 1);
    type Row = {
      last_nack: { rejected: { name: string }[] } | null;
      applied: string;
      received: string;
    };
    const [row] = await eventually(
      () =>
        setup.rows.rows<Row>(
          `select last_nack, applied_revision as applied, received_revision as received, conditions
           from nodes where node_group_id = ?`,
          [groupId],
        ),
      (rows) => rows[0]?.last_nack !== null && rows[0]?.last_nack !== undefined,
    );
    expect(row?.last_nack?.rejected[0]).toMatchObject({
      name: serverId,
      // Cut within the last character, which is two units long.
      path: `${'x'.repeat(499)}\ufffd`,
      message: 'not usable here',
    });
    expect(row).toMatchObject({ applied: '0', received: String(node.memory.revision) });
    expect(row).toMatchObject({ conditions: [{ type: 'resources_rejected' }] });

    // A node that starts empty, of the same build, in the same group.
    const twin = await setup.rows.addToken(groupId, `${name}-twin`);
    const again = connect({ token: twin.text });
    await again.until('a range', () => again.ranges.length === 1);
    expect(again.get('Server', serverId)).toMatchObject({ withheld: true, body: Buffer.alloc(0) });
    expect(again.get('Server', serverId)?.scope?.serverIds).toEqual([serverId]);
    expect(again.mismatches).toEqual([]);

    // Another build may be able to use it.
    const newer = await setup.rows.addToken(groupId, `${name}-newer`);
    const upgraded = connect({ token: newer.text, hello: { build: 'build-2' } });
    await upgraded.until('a range', () => upgraded.ranges.length === 1);
    expect(upgraded.get('Server', serverId)).toMatchObject({ withheld: false });

    // And a new version is offered to the old build.
    await node.holds(await setup.rows.setServer(organizationId, serverId, { enabled: false }));
    expect(node.get('Server', serverId)).toMatchObject({ withheld: false });
  });

  test('a slow node gets one larger range and slows nobody', async () => {
    const { organizationId, groupId, token } = await tenant();
    const slowToken = await setup.rows.addToken(groupId, unique('slow'));
    const serverId = await setup.rows.addServer(organizationId, 'files');
    const quick = connect({ token });
    const slow = connect({ token: slowToken.text });
    await Promise.all(
      [quick, slow].map((node) => node.until('sync', () => node.ranges.length > 0)),
    );
    slow.pause();
    const before = slow.ranges.length;
    let revision = 0;
    for (let turn = 0; turn < 10; turn += 1) {
      revision = await setup.rows.setServer(organizationId, serverId, { enabled: turn % 2 === 0 });
      await quick.holds(revision);
    }
    slow.resume();
    await slow.holds(revision);
    expect(slow.ranges.length - before).toBeLessThanOrEqual(3);
    expect(slow.mismatches).toEqual([]);
  });

  test('a node that never acknowledges gets no second range, and is let go in time', async () => {
    const { organizationId, token } = await tenant();
    const strict = await setup.replica({ server: { acknowledgmentTimeoutMs: 300 } });
    const node = connect({ token, acknowledge: false, address: strict.address });
    await node.until('a range', () => node.chunks.length === 1);
    await setup.rows.addServer(organizationId, 'files');
    expect(await node.ended).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(node.chunks).toHaveLength(1);
  });

  test('heartbeats tell how fresh the replica is', async () => {
    const { token } = await tenant();
    const startedAtMs = Date.now();
    const node = connect({ token });
    await node.until('heartbeats', () =>
      node.heartbeats.some(({ feedReadAtMs }) => feedReadAtMs > startedAtMs),
    );
    const heartbeat = node.heartbeats.at(-1);
    expect(heartbeat?.sentAtMs).toBeGreaterThanOrEqual(heartbeat?.feedReadAtMs ?? Infinity);
    expect(heartbeat?.revision).toBe(node.memory.revision);
  });
});

describe('what a token allows', () => {
  test('nothing without a token, with a foreign, mistyped, expired or revoked one', async () => {
    const { groupId, token, tokenRowId } = await tenant();
    const expired = await setup.rows.addToken(groupId, unique('late'), new Date(Date.now() - 1000));
    await setup.rows.revokeToken(tokenRowId);
    const tokens = [
      token,
      expired.text,
      newCredential('nodeToken').text,
      newCredential('apiKey').text,
      `${token.slice(0, -1)}_`,
      '',
    ];
    const ends = await Promise.all(tokens.map((text) => connect({ token: text }).ended));
    expect(ends.map(({ code }) => code)).toEqual(tokens.map(() => status.UNAUTHENTICATED));
    expect(new Set(ends.map(({ details }) => details)).size).toBe(1);
  });

  test('revoking a token ends its stream at once; the node’s other token goes on', async () => {
    const { groupId, name, token, tokenRowId } = await tenant();
    const rotated = await setup.rows.addToken(groupId, name);
    const old = connect({ token });
    const next = connect({ token: rotated.text, hello: { instanceId: 'instance-2' } });
    await Promise.all([old, next].map((node) => node.until('sync', () => node.ranges.length > 0)));
    expect(old.welcomes[0]?.nodeId).toBe(next.welcomes[0]?.nodeId);
    const startedAt = performance.now();
    const revision = await setup.rows.revokeToken(tokenRowId);
    expect(await old.ended).toMatchObject({ code: status.UNAUTHENTICATED });
    expect(performance.now() - startedAt).toBeLessThan(1000);
    await next.holds(revision);
  });

  test('a stream ends when its token expires', async () => {
    const { groupId } = await tenant();
    const token = await setup.rows.addToken(groupId, unique('brief'), new Date(Date.now() + 700));
    const node = connect({ token: token.text });
    await node.until('sync', () => node.ranges.length > 0);
    expect(await node.ended).toMatchObject({ code: status.UNAUTHENTICATED });
  });

  test('what breaks the protocol ends the stream with the reason', async () => {
    const { token } = await tenant();
    const noHello = connect({ token, sayHello: false });
    noHello.send({ acknowledgment: { nonce: 'x', revision: 1 } });
    expect(await noHello.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
    const uninvited = connect({ token });
    await uninvited.until('sync', () => uninvited.ranges.length > 0);
    uninvited.send({ versionList: { type: 'Server', last: true } });
    expect(await uninvited.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
    const garbled = connect({ token, hello: { instanceId: 'a\u0000b' } });
    expect(await garbled.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
    const impatient = await setup.replica({ server: { helloTimeoutMs: 100 } });
    const silent = connect({ token, sayHello: false, address: impatient.address });
    expect(await silent.ended).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  test('one token has a bounded number of streams', async () => {
    const { token } = await tenant();
    const tight = await setup.replica({ server: { streamsPerTokenMax: 1 } });
    const one = connect({ token, address: tight.address });
    await one.until('sync', () => one.ranges.length > 0);
    const two = connect({ token, address: tight.address });
    expect(await two.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(one.heartbeats).toBeDefined();
  });
});
