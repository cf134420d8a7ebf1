import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/control-stream.ts';
import { AgentSession, Load } from '../support/product-agent.ts';
import { ProductCluster, type ServedOrganization } from '../support/product-cluster.ts';
import { noFaults, recordFaults } from '../support/product-records.ts';

const toolsChanged = 'notifications/tools/list_changed';

let cluster: ProductCluster;
let served: ServedOrganization;

beforeAll(async () => {
  cluster = await ProductCluster.start({
    nodeEnvironment: { MCPGW_DRAIN_TIMEOUT_MS: '500' },
  });
  served = await cluster.serve('acme');
}, 90_000);

afterAll(() => cluster.close());

test('no answered call’s record is lost and none counts twice when a node is killed under load', async () => {
  const node = cluster.node();
  const sessions = await Promise.all(
    Array.from({ length: 4 }, () => AgentSession.begin(served.route())),
  );
  const load = Load.start(sessions);
  for (let round = 0; round < 3; round += 1) {
    await load.further(60);
    await node.kill9AndRestart();
  }
  await load.further(60);
  await load.stop();
  // The sessions live at the upstream and in the client's hand: the node's death ends none of them.
  expect(load.answered.filter(({ status }) => status !== 200)).toEqual([]);
  expect(load.unanswered).toBeGreaterThan(0);
  await node.untilReported();
  const log = await cluster.admin.requestLog(served.organization.id);
  expect(recordFaults(load.answered, log)).toEqual(noFaults);
  await Promise.all(sessions.map((session) => session.close()));
}, 60_000);

test('a node that is ended in order while the control plane is down keeps its records for later', async () => {
  const node = cluster.node();
  const session = await AgentSession.begin(served.route());
  const stream = await session.listen();
  await cluster.replica().kill9();
  const answered = [await session.call('test_simple_text')];
  await node.stop();
  // An open stream doesn't keep a node from ending.
  await stream.ended;
  await cluster.replica().start();
  await node.start();
  answered.push(await session.call('test_simple_text'));
  expect(answered.map(({ status }) => status)).toEqual([200, 200]);
  await node.untilReported();
  const log = await cluster.admin.requestLog(served.organization.id);
  expect(recordFaults(answered, log)).toEqual(noFaults);
  await session.close();
}, 60_000);

test('a session’s stream is resumed after the node was killed, with what happened meanwhile', async () => {
  const node = cluster.node();
  const session = await AgentSession.begin(served.route());
  const stream = await session.listen();
  await session.call('test_trigger_tool_change');
  const seen = await stream.find(toolsChanged);
  expect(seen.id).toEqual(expect.any(String));

  await node.kill9();
  await stream.ended;
  // Somebody else causes the change, directly at the upstream, while the node is down.
  const other = await AgentSession.begin({ url: cluster.upstreamUrl, apiKey: '' });
  await other.call('test_trigger_tool_change');
  await node.start();

  // Until it has noticed that the old stream is gone, the upstream refuses a second one.
  const resumed = await eventually(
    () => session.listen(seen.id).catch((error: Error) => error),
    (result) => !(result instanceof Error),
  );
  if (resumed instanceof Error) throw resumed;
  const missed = await resumed.find(toolsChanged);
  expect(missed.id).not.toBe(seen.id);
  expect(resumed.events).toHaveLength(1);
  expect(await session.call('test_simple_text')).toMatchObject({ status: 200 });
  resumed.close();
  await Promise.all([session.close(), other.close()]);
}, 60_000);

test('streams that are open when their node is killed have an end in the record, each once', async () => {
  const node = cluster.node();
  const sessions: AgentSession[] = [];
  const begun = new Set<string>();
  const starts = async () => {
    const log = await cluster.admin.requestLog(served.organization.id);
    return log.filter(({ method, phase }) => method === 'GET' && phase === 'START');
  };
  const before = new Set((await starts()).map(({ callId }) => callId));
  // The second death finds what the first left behind, and a stream of its own.
  for (let deaths = 0; deaths < 2; deaths += 1) {
    const session = await AgentSession.begin(served.route());
    sessions.push(session);
    const stream = await session.listen();
    const isNew = ({ callId }: { callId: string }) => !before.has(callId) && !begun.has(callId);
    const [start] = (await eventually(starts, (log) => log.some(isNew))).filter(isNew);
    begun.add(start?.callId ?? '');
    await node.kill9AndRestart();
    await stream.ended;
  }
  await node.untilReported();
  const log = await cluster.admin.requestLog(served.organization.id);
  const ends = log.filter(({ callId, phase }) => begun.has(callId) && phase !== 'START');
  expect(ends.map(({ callId, phase, outcome }) => [callId, phase, outcome]).sort()).toEqual(
    [...begun].sort().map((callId) => [callId, 'END', 'interrupted']),
  );
  expect(recordFaults([], log)).toEqual(noFaults);
  await Promise.all(sessions.map((session) => session.close()));
}, 60_000);
