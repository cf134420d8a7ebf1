import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/control-stream.ts';
import { AgentSession, Load } from '../support/product-agent.ts';
import {
  ProductCluster,
  type ServedOrganization,
  untilServed,
} from '../support/product-cluster.ts';
import { DatabaseCopy } from '../support/product-database-copy.ts';
import { noFaults, recordFaults } from '../support/product-records.ts';

let cluster: ProductCluster;
let served: ServedOrganization;
let copy: DatabaseCopy | undefined;

beforeAll(async () => {
  cluster = await ProductCluster.start();
  served = await cluster.serve('acme');
}, 90_000);

afterAll(async () => {
  await copy?.drop();
  await cluster.close();
});

test('a database restored under a running control plane: the node lets go of what it doesn’t know, says so, and serves on', async () => {
  const node = cluster.node();
  const database = cluster.database;
  if (database === undefined) throw new Error('The cluster runs on the test server.');
  const sessions = await Promise.all([0, 1].map(() => AgentSession.begin(served.route())));
  await node.untilReported();
  copy = await DatabaseCopy.take(database.owner);

  // What happens after the copy was taken is what the restored database will not know.
  const admin = cluster.admin;
  const later = await eventually(
    () => admin.createKey(served.organization.id).catch(() => undefined),
    (key) => key !== undefined,
  );
  if (later === undefined) throw new Error('no key');
  await untilServed(served.route(0, later.text));
  const ghost = await AgentSession.begin(served.route(0, later.text));
  const { revision: revisionBefore } = await node.readiness();
  const load = Load.start(sessions);
  await load.further(20);

  await copy.restore();
  await eventually(
    () => ghost.call('test_simple_text'),
    ({ reason }) => reason === 'credential_invalid',
    20_000,
  );
  // What both histories know was never interrupted.
  await load.further(20);
  expect(load.unanswered).toBe(0);
  expect(load.answered.filter(({ status }) => status !== 200)).toEqual([]);
  const { revision } = await node.readiness();
  expect(revision).toBeLessThan(revisionBefore ?? 0);
  const [shown] = await eventually(
    () => admin.nodes().catch(() => []),
    ([first]) => (first?.conditions.length ?? 0) > 0,
    20_000,
  );
  expect(shown?.conditions.map(({ type }) => type)).toEqual(['epoch_changed']);

  // The restored history goes on: changes reach the node, and records are written once.
  const next = await admin.createKey(served.organization.id);
  await untilServed(served.route(0, next.text));
  const begun = load.answered.length;
  await load.further(20);
  await load.stop();
  await node.untilReported();
  const log = await admin.requestLog(served.organization.id);
  // The first ones may have been sent when the database was still the old one.
  const afterwards = load.answered.slice(begun + sessions.length);
  expect(recordFaults(afterwards, log)).toEqual(noFaults);
  await Promise.all([...sessions, ghost].map((session) => session.close()));
}, 60_000);
