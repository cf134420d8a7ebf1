import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../support/control-stream.ts';
import { AgentSession, type AnsweredCall, Load } from '../support/product-agent.ts';
import {
  ProductCluster,
  type ServedOrganization,
  untilServed,
} from '../support/product-cluster.ts';
import { noFaults, recordFaults } from '../support/product-records.ts';
import { followRecords, type RecordSubscription } from '../support/product-subscription.ts';

let cluster: ProductCluster;
let served: ServedOrganization;

beforeAll(async () => {
  cluster = await ProductCluster.start({ replicas: 2, nodes: 2 });
  served = await cluster.serve('acme');
}, 90_000);

afterAll(() => cluster.close());

describe('a session that was begun on one node', () => {
  test('works on the other, also with a later key of the same service', async () => {
    const begun = await AgentSession.begin(served.route(0));
    const rotated = await cluster.admin.createKey(served.organization.id, served.key);
    await untilServed(served.route(1, rotated.text));
    for (const key of [served.key, rotated]) {
      const elsewhere = AgentSession.resume(served.route(1, key.text), begun.sessionId);
      expect(await elsewhere.call('test_simple_text')).toMatchObject({
        status: 200,
        text: 'This is a simple text response for testing.',
      });
      await elsewhere.close();
    }
    await begun.close();
  });

  test('is unknown to another subject, on either node', async () => {
    const begun = await AgentSession.begin(served.route(0));
    const stranger = await cluster.admin.createKey(served.organization.id);
    for (const node of [0, 1]) {
      const route = served.route(node, stranger.text);
      await untilServed(route);
      const stolen = AgentSession.resume(route, begun.sessionId);
      expect(await stolen.call('test_simple_text')).toMatchObject({
        status: 404,
        reason: 'session_unknown',
      });
      await stolen.close();
    }
    expect(await begun.call('test_simple_text')).toMatchObject({ status: 200 });
    await begun.close();
  });

  test('streams events on the other', async () => {
    const begun = await AgentSession.begin(served.route(0));
    const elsewhere = AgentSession.resume(served.route(1), begun.sessionId);
    const stream = await elsewhere.listen();
    await begun.call('test_trigger_tool_change');
    await stream.find('notifications/tools/list_changed');
    stream.close();
    await Promise.all([begun.close(), elsewhere.close()]);
  });
});

/** How often a subscriber was told of each of these calls. */
function timesTold(subscription: RecordSubscription, calls: readonly AnsweredCall[]): number[] {
  const { items } = subscription.received;
  return calls.map((call) => items.filter(({ traceId }) => traceId === call.traceId).length);
}

async function untilTold(subscription: RecordSubscription, calls: readonly AnsweredCall[]) {
  await eventually(
    () => timesTold(subscription, calls),
    (times) => !times.includes(0),
  );
}

describe('two replicas on one database', () => {
  test('tell subscribers of each call once, over WebSocket and SSE, also while one is killed', async () => {
    const { accessToken } = cluster.admin;
    const organizationId = served.organization.id;
    const follow = (replica: number, transport: 'WebSocket' | 'SSE') =>
      followRecords(transport, {
        origin: cluster.replica(replica).origin,
        accessToken,
        organizationId,
      });
    const onFirst = [follow(0, 'WebSocket'), follow(0, 'SSE')];
    const onSecond = [follow(1, 'WebSocket'), follow(1, 'SSE')];
    for (const replica of cluster.replicas) {
      await eventually(
        () => replica.subscriptions(),
        (count) => count === 2,
      );
    }
    const sessions = await Promise.all(
      [0, 1].map((node) => AgentSession.begin(served.route(node))),
    );
    const load = Load.start(sessions);
    await load.further(40);
    const before = [...load.answered];
    for (const subscription of [...onFirst, ...onSecond]) await untilTold(subscription, before);

    // Whichever replica the nodes are on, each is killed once.
    await cluster.replica(0).kill9();
    await load.further(40);
    for (const node of cluster.nodes) await node.untilConnected();
    await load.further(40);
    await load.stop();
    await Promise.all(cluster.nodes.map((node) => node.untilReported()));
    expect(load.unanswered).toBe(0);
    for (const subscription of onSecond) await untilTold(subscription, load.answered);
    const once = load.answered.map(() => 1);
    for (const subscription of onSecond)
      expect(timesTold(subscription, load.answered)).toEqual(once);
    for (const subscription of onFirst) {
      await subscription.ended;
      expect(timesTold(subscription, before)).toEqual(before.map(() => 1));
    }
    const admin = cluster.admin.on(cluster.replica(1).graphqlUrl);
    const log = await admin.requestLog(organizationId);
    expect(recordFaults(load.answered, log)).toEqual(noFaults);
    for (const subscription of [...onFirst, ...onSecond]) await subscription.close();
    for (const session of sessions) await session.close();
    await cluster.replica(0).start();
  }, 60_000);

  test('a node goes over to the other replica when its own is killed', async () => {
    // Both must have been somebody's: what is changed on the one that stays reaches every node.
    for (const killed of [0, 1]) {
      const stays = cluster.replica(1 - killed);
      await Promise.all(cluster.nodes.map((node) => node.untilConnected()));
      await cluster.replica(killed).kill9();
      const admin = cluster.admin.on(stays.graphqlUrl);
      const key = await admin.createKey(served.organization.id);
      for (const index of cluster.nodes.keys()) await untilServed(served.route(index, key.text));
      // Only the replica that stays can have written this revision.
      const { revision } = await cluster.node().readiness();
      await eventually(
        () => admin.nodes(),
        (nodes) =>
          nodes.length === 2 &&
          nodes.every((node) => node.connected && node.appliedRevision >= (revision ?? 0)),
      );
      await cluster.replica(killed).start();
    }
  }, 60_000);
});
