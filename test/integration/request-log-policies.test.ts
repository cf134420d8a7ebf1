import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  listRequestLogs,
  type RequestLogFilterFields,
} from '../../control-plane/registry/request-logs.ts';
import type { CallRecordInput } from '../../proto/gen/mcpgw/events/v1/CallRecord.ts';
import {
  type ControlStreamSetup,
  type Replica,
  setUpControlStream,
} from '../support/control-stream.ts';
import { callEvent, ScriptedReporter } from '../support/control-stream-events.ts';

let setup: ControlStreamSetup;
let replica: Replica;
let organizationId: string;
let reporter: ScriptedReporter;

beforeAll(async () => {
  setup = await setUpControlStream();
  replica = await setup.replica();
  organizationId = await setup.rows.addOrganization('mine');
  const groupId = await setup.rows.addGroup('group', [organizationId]);
  const token = await setup.rows.addToken(groupId, 'node');
  reporter = new ScriptedReporter(replica.address, token.text);
});

afterAll(async () => {
  await reporter.close();
  await setup.close();
});

async function report(fields: CallRecordInput): Promise<string> {
  const callId = randomUUID();
  const acknowledged = await reporter.report(randomUUID(), [
    callEvent(1, organizationId, { ...fields, callId }),
  ]);
  expect(acknowledged.rejectedCount).toBe(0);
  return callId;
}

async function list(filter: RequestLogFilterFields) {
  const page = { size: 50, cursor: undefined, backward: false };
  return (await listRequestLogs(replica.store, organizationId, filter, page)).items;
}

async function listedIds(filter: RequestLogFilterFields): Promise<string[]> {
  return (await list(filter)).map(({ callId }) => callId);
}

/** A revision of a policy that has been deleted since. */
async function addRevision(policyId: string, revision: number, name: string): Promise<void> {
  await setup.rows.change(organizationId, [], (em) =>
    em.execute(
      `insert into policy_revisions (organization_id, policy_id, revision, definition, change, actor)
       values (?, ?, ?, ?, 'deleted', 'user:1')`,
      [organizationId, policyId, revision, JSON.stringify({ name })],
    ),
  );
}

describe('the log of a call that policies decided', () => {
  test('names the policy as it was called then, who called, by what, and with which arguments', async () => {
    const policyId = randomUUID();
    await addRevision(policyId, 3, 'no-deletes');
    await addRevision(policyId, 4, 'nothing-goes');
    const callId = await report({
      policyId,
      policyRevision: 3,
      policyError: 'no such key: path',
      principalRoles: ['developer', 'a\u0000b'],
      principalScopes: ['mcp:*'],
      credentialKind: 'access_token',
      clientName: 'desk \u0000',
      clientVersion: '1.2',
      headers: [{ name: 'x-team', value: 'data' }],
      argumentState: 'ARGUMENT_STATE_FULL',
      arguments: Buffer.from('{"path":"/x","nul":"\\u0000","big":12345678901234567890}'),
      shadowDecisions: [
        { policyId, policyRevision: 4, outcome: 'SHADOW_OUTCOME_WOULD_DENY' },
        { policyId: randomUUID(), policyRevision: 1, outcome: 'SHADOW_OUTCOME_WOULD_ALLOW' },
      ],
    });
    const [entry, ...others] = await list({ policyId });
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      callId,
      policy: { id: policyId, revision: 3, name: 'no-deletes' },
      policyError: 'no such key: path',
      principalRoles: ['developer', 'a\ufffdb'],
      principalScopes: ['mcp:*'],
      credentialKind: 'access_token',
      clientName: 'desk \ufffd',
      clientVersion: '1.2',
      headers: { 'x-team': 'data' },
      argumentState: 'full',
      shadowDecisions: [
        { policy: { id: policyId, revision: 4, name: 'nothing-goes' }, outcome: 'would_deny' },
        { policy: { revision: 1, name: null }, outcome: 'would_allow' },
      ],
    });
    const [row] = await setup.rows.rows<{ arguments: string }>(
      'select arguments::text from request_logs where call_id = ?',
      [callId],
    );
    expect(row?.arguments).toBe('{"path":"/x","nul":"\\u0000","big":12345678901234567890}');
  });

  test('is empty of policies where none had a part', async () => {
    const callId = await report({});
    const [entry] = (await list({})).filter((found) => found.callId === callId);
    expect(entry).toMatchObject({
      policy: null,
      shadowDecisions: [],
      headers: null,
      arguments: null,
      argumentState: 'none',
      credentialKind: null,
    });
  });

  test('is found by what a policy in shadow mode would have denied', async () => {
    const shadow = (outcome: 'WOULD_DENY' | 'WOULD_ALLOW' | 'WOULD_FAIL') => ({
      traceId: 'shadow',
      shadowDecisions: [
        {
          policyId: randomUUID(),
          policyRevision: 1,
          outcome: `SHADOW_OUTCOME_${outcome}` as const,
        },
      ],
    });
    const denied = await report(shadow('WOULD_DENY'));
    const failed = await report(shadow('WOULD_FAIL'));
    const allowed = await report(shadow('WOULD_ALLOW'));
    const none = await report({ traceId: 'shadow' });
    const filter = { traceId: 'shadow' };
    expect(await listedIds({ ...filter, wouldDeny: true })).toEqual([failed, denied]);
    expect(await listedIds({ ...filter, wouldDeny: false })).toEqual([none, allowed]);
  });

  test.each([
    ['are no JSON', 'ARGUMENT_STATE_FULL', '{'],
    ['are no object', 'ARGUMENT_STATE_FULL', '[1]'],
    ['are nested without end', 'ARGUMENT_STATE_FULL', `{"a":${'['.repeat(500)}${']'.repeat(500)}}`],
    ['are longer than any setting allows', 'ARGUMENT_STATE_FULL', `{"a":"${'x'.repeat(140_000)}"}`],
    ['stand where their state says that none do', 'ARGUMENT_STATE_OFF', '{}'],
    ['are missing where their state says that they stand', 'ARGUMENT_STATE_REDACTED', ''],
  ] as const)('is kept as a reject when its arguments %s', async (_, argumentState, json) => {
    const acknowledged = await reporter.report(randomUUID(), [
      callEvent(1, organizationId, { argumentState, arguments: Buffer.from(json) }),
    ]);
    expect(acknowledged.rejectedCount).toBe(1);
  });
});
