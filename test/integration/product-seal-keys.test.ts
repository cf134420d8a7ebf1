import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/control-stream.ts';
import { AgentSession } from '../support/product-agent.ts';
import { ProductCluster, type ServedOrganization } from '../support/product-cluster.ts';
import { CuttableLink } from '../support/product-link.ts';

let cluster: ProductCluster;
let link: CuttableLink;
let served: ServedOrganization;
const sessions: AgentSession[] = [];

beforeAll(async () => {
  cluster = await ProductCluster.start({
    replicaEnvironment: { MCPGW_JOB_INTERVAL_MS: '200', MCPGW_KEY_ACTIVATION_DELAY_MS: '300' },
  });
  link = await CuttableLink.to(cluster.replica().grpcAddress);
  await cluster.addNode({ MCPGW_CONTROL_PLANE_ADDRESSES: link.address });
  served = await cluster.serve('acme');
}, 90_000);

afterAll(async () => {
  for (const session of sessions) await session.close();
  await cluster.close();
  link.close();
});

interface ShownKey {
  readonly id: string;
  readonly phase: string;
}

async function group(): Promise<{ readonly id: string; readonly sealKeys: readonly ShownKey[] }> {
  const data = await cluster.admin.send<{
    nodeGroups: { nodes: { id: string; name: string; sealKeys: ShownKey[] }[] };
  }>('{ nodeGroups { nodes { id name sealKeys { id phase awaitedNodes } } } }');
  const found = data.nodeGroups.nodes.find(({ name }) => name === 'default');
  if (found === undefined) throw new Error('There is no default group.');
  return found;
}

async function untilPhases(...phases: readonly string[]): Promise<readonly ShownKey[]> {
  const { sealKeys } = await eventually(
    () => group(),
    (shown) => shown.sealKeys.map(({ phase }) => phase).join() === phases.join(),
  );
  return sealKeys;
}

async function begin(node: number): Promise<AgentSession> {
  const session = await AgentSession.begin(served.route(node));
  sessions.push(session);
  return session;
}

/** How a call in a session that may have begun elsewhere is answered: its status, and the reason if refused. */
async function callOn(node: number, { sessionId }: AgentSession): Promise<string> {
  const session = AgentSession.resume(served.route(node), sessionId);
  sessions.push(session);
  const { status, reason } = await session.call('test_simple_text');
  return reason === undefined ? `${status}` : `${status} ${reason}`;
}

const onBothNodes = (session: AgentSession) => Promise.all([0, 1].map((n) => callOn(n, session)));

/** Id of the key that a session is sealed with. */
const sealedWith = ({ sessionId }: AgentSession) => sessionId.split('.')[0];

test('sessions live on while their seal key is replaced, also over a node that was away', async () => {
  const early = [await begin(0), await begin(1)];
  const [oldKey] = await untilPhases('ACTIVE');
  for (const session of early) expect(sealedWith(session)).toBe(oldKey?.id);

  link.cut();
  await eventually(
    () => cluster.admin.nodes(),
    (nodes) => nodes.filter(({ connected }) => connected).length === 1,
  );
  const { rotateSealKeys } = await cluster.admin.send<{
    rotateSealKeys: { nodeGroup: { sealKeys: ShownKey[] }; userErrors: unknown[] };
  }>(
    `mutation ($input: RotateSealKeysInput!) {
       rotateSealKeys(input: $input) { nodeGroup { sealKeys { id phase } } userErrors { message } }
     }`,
    { input: { nodeGroupId: (await group()).id } },
  );
  expect(rotateSealKeys.userErrors).toEqual([]);
  const shown = rotateSealKeys.nodeGroup.sealKeys.map(({ phase }) => phase);
  expect(shown).toEqual(['ACTIVE', 'PUBLISHED']);
  const [, newKey] = await untilPhases('RETIRED', 'ACTIVE');

  // The node that follows seals with the new key as soon as it hears that it is the primary.
  const later = await eventually(
    () => begin(0),
    (session) => sealedWith(session) === newKey?.id,
  );
  expect(await callOn(0, later)).toBe('200');
  expect(await callOn(1, later)).toBe('404 session_unknown');
  for (const session of early) expect(await onBothNodes(session)).toEqual(['200', '200']);

  link.heal();
  await cluster.node(1).untilConnected();
  await eventually(
    () => callOn(1, later),
    (answer) => answer === '200',
  );
  expect(sealedWith(await begin(1))).toBe(newKey?.id);
  for (const session of early) expect(await onBothNodes(session)).toEqual(['200', '200']);

  const owner = await cluster.database?.connect('owner');
  await owner?.query(
    `update seal_keys set retired_at = retired_at - interval '31 days' where retired_at is not null`,
  );
  expect(await untilPhases('ACTIVE')).toEqual([expect.objectContaining({ id: newKey?.id })]);
  for (const session of early) {
    await eventually(
      () => onBothNodes(session),
      (answers) => answers.every((answer) => answer === '404 session_unknown'),
    );
  }
  expect(await onBothNodes(later)).toEqual(['200', '200']);
}, 60_000);
