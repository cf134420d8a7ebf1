import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/control-stream.ts';
import { AgentSession, Load } from '../support/product-agent.ts';
import {
  ProductCluster,
  type ServedOrganization,
  untilServed,
} from '../support/product-cluster.ts';
import { noFaults, recordFaults } from '../support/product-records.ts';

let cluster: ProductCluster;
let served: ServedOrganization;

beforeAll(async () => {
  cluster = await ProductCluster.start({ database: 'embedded' });
  served = await cluster.serve('acme');
}, 90_000);

afterAll(() => cluster.close());

test('nodes serve on without the control plane and start without it, and no answered call is missing or there twice', async () => {
  const node = cluster.node();
  const sessions = await Promise.all(
    Array.from({ length: 4 }, () => AgentSession.begin(served.route())),
  );
  await node.untilCached();
  const load = Load.start(sessions);
  await load.further(50);

  await cluster.replica().kill9();
  await load.further(100);
  expect(load.unanswered).toBe(0);

  await node.kill9AndRestart();
  expect(await node.readiness()).toMatchObject({ ready: true, fromCache: true });
  await load.further(100);
  await load.stop();
  const [session] = sessions;
  // It was begun before either process was killed.
  expect(await session?.call('test_simple_text')).toMatchObject({ status: 200 });
  const others = load.answered.filter(({ status, text }) => status !== 200 || text === undefined);
  expect(others).toEqual([]);

  await cluster.replica().start();
  await node.untilConnected();
  const last = await AgentSession.begin(served.route());
  load.answered.push(await last.call('test_simple_text'));
  await node.untilReported();
  const log = await cluster.admin.requestLog(served.organization.id);
  expect(recordFaults(load.answered, log)).toEqual(noFaults);
  expect(load.answered.length).toBeGreaterThan(250);
  const [shown] = await eventually(
    () => cluster.admin.nodes(),
    ([first]) => first?.connected === true,
  );
  expect(shown?.name).toBe(node.name);
  await Promise.all([...sessions, last].map((each) => each.close()));
}, 90_000);

test('a control plane whose own PostgreSQL dies ends with it, and comes back with all that was committed', async () => {
  const key = await cluster.admin.createKey(served.organization.id);
  await untilServed(served.route(0, key.text));
  await cluster.killEmbeddedPostgres();
  expect(await cluster.replica().ended()).toBe(1);

  const session = await AgentSession.begin(served.route(0, key.text));
  const answered = [await session.call('test_simple_text')];
  await cluster.replica().start();
  await cluster.admin.revokeKey(key);
  await eventually(
    () => session.call('test_simple_text'),
    ({ reason }) => reason === 'credential_invalid',
    20_000,
  );
  await cluster.node().untilReported();
  const log = await cluster.admin.requestLog(served.organization.id);
  expect(recordFaults(answered, log)).toEqual(noFaults);
  await session.close();
}, 60_000);
