import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/control-stream.ts';
import { AgentSession, type EventStream } from '../support/product-agent.ts';
import {
  ProductCluster,
  type ServedOrganization,
  untilServed,
} from '../support/product-cluster.ts';

const streamCount = 100;
/** The bench measures milliseconds; this only tells pushed from polled, on a busy machine. */
const enforcedWithinMs = 1000;

let cluster: ProductCluster;
let watching: ServedOrganization;
const sessions: AgentSession[] = [];
const streams: EventStream[] = [];
let droppedCount = 0;

beforeAll(async () => {
  cluster = await ProductCluster.start();
  watching = await cluster.serve('watching');
  for (let index = 0; index < streamCount; index += 1) {
    const session = await AgentSession.begin(watching.route());
    const stream = await session.listen();
    void stream.ended.then(() => {
      droppedCount += 1;
    });
    sessions.push(session);
    streams.push(stream);
  }
}, 90_000);

afterAll(async () => {
  for (const stream of streams) stream.close();
  await Promise.all(sessions.map((session) => session.close()));
  await cluster.close();
});

/** Makes a change; time from its answer to the first call that gets one of these reasons, in milliseconds. */
async function timeToRefusal(
  session: AgentSession,
  reasons: readonly string[],
  change: () => Promise<void>,
): Promise<number> {
  await change();
  const changedAt = performance.now();
  for (;;) {
    const beganAt = performance.now();
    const answer = await session.call('test_simple_text');
    if (reasons.includes(answer.reason ?? '')) return beganAt - changedAt;
    if (answer.status !== 200 || beganAt - changedAt > 5 * enforcedWithinMs) {
      throw new Error(`Not ${reasons.join(' or ')} but ${JSON.stringify(answer)}`);
    }
  }
}

test.each<[string, readonly string[], (target: ServedOrganization) => Promise<void>]>([
  [
    'a revoked key',
    // The second for a call that was on its way when the key ended.
    ['credential_invalid', 'credential_revoked'],
    ({ key }) => cluster.admin.revokeKey(key),
  ],
  [
    'a disabled server',
    ['server_disabled'],
    ({ server }) => cluster.admin.setServerEnabled(server, false),
  ],
  [
    'a disabled organization',
    ['server_disabled'],
    ({ organization }) => cluster.admin.setOrganizationEnabled(organization, false),
  ],
  [
    'a policy',
    ['policy_denied'],
    async ({ organization }) => {
      await cluster.admin.createPolicy(organization.id, 'no-texts', { tools: ['test_simple_*'] });
    },
  ],
])('%s holds at once, and 100 open streams stay', async (what, reasons, change) => {
  const target = await cluster.serve(what.replaceAll(' ', '-'));
  const session = await AgentSession.begin(target.route());
  const delayMs = await timeToRefusal(session, reasons, () => change(target));
  expect(delayMs).toBeLessThan(enforcedWithinMs);
  await session.close();

  expect(droppedCount).toBe(0);
  // Each stream not only stands: an event of the upstream still passes.
  for (const stream of streams) stream.events.length = 0;
  const [first] = sessions;
  await first?.call('test_trigger_tool_change');
  await Promise.all(streams.map((stream) => stream.find('notifications/tools/list_changed')));
});

test('a key that was revoked while a node was down is refused from the node’s first answer on', async () => {
  const target = await cluster.serve('revoked-meanwhile');
  // A node of its own: the streams stay.
  const node = await cluster.addNode();
  const route = target.route(1);
  await untilServed(route);
  const session = await AgentSession.begin(route);
  await node.untilCached();
  await node.kill9();
  await cluster.admin.revokeKey(target.key);
  await node.start();
  expect(await session.call('test_simple_text')).toMatchObject({ reason: 'credential_invalid' });
  await session.close();
});

test('what is allowed again works again, in the session that was begun before', async () => {
  const target = await cluster.serve('again');
  const session = await AgentSession.begin(target.route());
  for (const enabled of [false, true, false, true]) {
    await cluster.admin.setServerEnabled(target.server, enabled);
    await eventually(
      () => session.call('test_simple_text'),
      ({ status }) => status === (enabled ? 200 : 503),
    );
  }
  await session.close();
});
