import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/control-stream.ts';
import { AgentSession, type AnsweredCall } from '../support/product-agent.ts';
import { ProductCluster, type ServedOrganization } from '../support/product-cluster.ts';
import { noFaults, recordFaults } from '../support/product-records.ts';

/** The smallest spool that can be set; a tool's name of 4,000 characters fills it with some hundred records. */
const spoolBytesMax = 1024 * 1024;
const longName = 'x'.repeat(4000);
const callsMax = 2000;

let cluster: ProductCluster;
let audited: ServedOrganization;
let other: ServedOrganization;

beforeAll(async () => {
  cluster = await ProductCluster.start({
    nodeEnvironment: { MCPGW_SPOOL_BYTES_MAX: `${spoolBytesMax}` },
  });
  audited = await cluster.serve('audited', true);
  other = await cluster.serve('other');
}, 90_000);

afterAll(() => cluster.close());

/** Calls until a reading of the node says to stop; returns what was answered. */
async function callUntil(
  session: AgentSession,
  tool: string,
  isEnough: () => Promise<boolean>,
): Promise<AnsweredCall[]> {
  const answered: AnsweredCall[] = [];
  while (!(await isEnough())) {
    if (answered.length > callsMax) throw new Error(`Not after ${callsMax} calls.`);
    for (let count = 0; count < 10; count += 1) answered.push(await session.call(tool));
  }
  return answered;
}

interface Gap {
  readonly dropped_count: string;
  readonly cause: string;
}

async function gaps(): Promise<Gap[]> {
  const client = await cluster.database?.connect('owner');
  const result = await client?.query<Gap>('select dropped_count, cause from event_gaps');
  return result?.rows ?? [];
}

test('calls that must be recorded are refused while they can’t be, others are served and what is dropped is counted', async () => {
  const node = cluster.node();
  const strict = await AgentSession.begin(audited.route());
  const relaxed = await AgentSession.begin(other.route());
  await node.untilReported();
  await cluster.replica().kill9();

  expect(await strict.call('test_simple_text')).toMatchObject({ status: 200 });
  const hasNoRoom = async () => (await node.metric('mcpgw_spool_has_room')) === 0;
  const filling = await callUntil(relaxed, longName, hasNoRoom);
  expect(await strict.call('test_simple_text')).toMatchObject({
    status: 503,
    reason: 'record_unavailable',
  });
  const hasDropped = async () => (await node.metric('mcpgw_spool_dropped_total')) >= 20;
  const overflowing = await callUntil(relaxed, longName, hasDropped);
  const served = await relaxed.call('test_simple_text');
  expect(served).toMatchObject({ status: 200 });
  const droppedCount = await node.metric('mcpgw_spool_dropped_total');

  await cluster.replica().start();
  await node.untilReported();
  await eventually(
    () => strict.call('test_simple_text'),
    ({ status }) => status === 200,
  );
  await relaxed.call('test_simple_text');
  await node.untilReported();

  // Every call is either recorded or counted as dropped, and the gap tells how many.
  const seen = await gaps();
  expect(new Set(seen.map(({ cause }) => cause))).toEqual(new Set(['spool_full']));
  const reported = seen.reduce((sum, gap) => sum + Number(gap.dropped_count), 0);
  expect(reported).toBe(droppedCount);
  const log = await cluster.admin.requestLog(other.organization.id);
  const faults = recordFaults([...filling, ...overflowing, served], log);
  const strictLog = await cluster.admin.requestLog(audited.organization.id);
  const refused = strictLog.filter(({ reason }) => reason === 'record_unavailable');
  expect(faults.doubled).toEqual([]);
  // The refusal of the must-audit call may itself have found no room.
  expect(faults.missing.length + (1 - refused.length)).toBe(droppedCount);
  expect(recordFaults(filling.slice(0, 100), log)).toEqual(noFaults);
  await Promise.all([strict.close(), relaxed.close()]);
}, 60_000);
