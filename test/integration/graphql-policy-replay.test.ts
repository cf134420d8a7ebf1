import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Client as PgClient } from 'pg';
import {
  dataOf,
  type GraphqlHarness,
  logIn,
  openHarness,
  operatorEmail,
  type Replica,
} from './graphql-harness.ts';
import { Subscribers, untilSubscribed } from './graphql-subscriber.ts';

let harness: GraphqlHarness;
let replica: Replica;
let token: string;
let organizationId: string;
let serverId: string;
let rows: PgClient;
const subscribers = new Subscribers();

beforeAll(async () => {
  harness = await openHarness();
  replica = await harness.replica();
  token = await logIn(replica, operatorEmail);
  organizationId = harness.platform.organization.id;
  rows = await harness.database.connect('owner');
  const created = await run<{ createServer: { server: { id: string } } }>(
    `mutation($i: CreateServerInput!) { createServer(input: $i) { server { id } userErrors { code } } }`,
    {
      i: {
        ...{ organizationId, slug: 'files', name: 'Files' },
        endpoints: [{ url: 'http://127.0.0.1:9/mcp' }],
      },
    },
  );
  serverId = created.createServer.server.id;
});

afterAll(async () => {
  await subscribers.end();
  await harness.close();
});

beforeEach(async () => {
  await rows.query('delete from policy_expectations');
  await rows.query('delete from policies');
  await rows.query(`update organizations set policy_default = 'allow'`);
  await rows.query('delete from request_logs');
});

async function run<Data>(query: string, variables: object): Promise<Data> {
  return dataOf(await replica.post<Data>(query, variables, token));
}

interface UserError {
  readonly code: string;
  readonly path: readonly string[];
  readonly message: string;
}

interface Saved {
  readonly policy: { readonly id: string; readonly version: number } | null;
  readonly userErrors: readonly UserError[];
}

async function save(operation: string, input: object): Promise<Saved> {
  const type = operation.charAt(0).toUpperCase() + operation.slice(1);
  const data = await run<Record<string, Saved>>(
    `mutation($i: ${type}Input!) { ${operation}(input: $i) {
       policy { id version } userErrors { code path message } } }`,
    { i: { organizationId, ...input } },
  );
  const saved = data[operation];
  if (saved === undefined) throw new Error('There is no answer.');
  return saved;
}

/** Makes a policy that has to be fine. */
async function policy(name: string, fields: object): Promise<{ id: string; version: number }> {
  const saved = await save('createPolicy', { name, effect: 'DENY', ...fields });
  if (saved.policy === null) throw new Error(JSON.stringify(saved.userErrors));
  return saved.policy;
}

interface Explanation {
  readonly allowed: boolean;
  readonly cause: string;
  readonly reason: string | null;
  readonly policy: { readonly name: string } | null;
  readonly error: string | null;
  readonly principal: {
    readonly roles: string[];
    readonly scopes: string[];
    readonly subject: string;
  };
  readonly considered: readonly {
    readonly policy: { readonly name: string };
    readonly mismatch: string | null;
    readonly condition: string | null;
    readonly error: string | null;
  }[];
  readonly shadow: readonly {
    readonly policy: { readonly name: string };
    readonly outcome: string;
  }[];
  readonly target: string;
}

async function explain(call: object) {
  const data = await run<{
    explainDecision: { explanation: Explanation | null; userErrors: readonly UserError[] };
  }>(
    `query($i: ExplainDecisionInput!) { explainDecision(input: $i) { userErrors { code path message }
       explanation { allowed cause reason error target policy { name } principal { subject roles scopes }
         considered { policy { name } mismatch condition error } shadow { policy { name } outcome } } } }`,
    { i: { organizationId, server: 'files', principal: { subject: 'user:x' }, ...call } },
  );
  return data.explainDecision;
}

describe('explainDecision', () => {
  test('names the deciding policy, and of each other why it is not about the call or what it comes to', async () => {
    await policy('no-etc', {
      tools: ['write_file'],
      condition: 'args.path.startsWith("/etc/")',
    });
    await policy('readers', { tools: ['read_file'], effect: 'ALLOW' });
    await policy('others', { servers: ['other'] });
    await policy('agents', { roles: ['agent'] });
    await policy('shade', { mode: 'SHADOW', tools: ['write_file'] });
    const denied = await explain({ tool: 'write_file', args: { path: '/etc/passwd' } });
    expect(denied.explanation).toMatchObject({
      ...{ allowed: false, cause: 'POLICY', reason: 'policy_denied', error: null },
      policy: { name: 'no-etc' },
      target: 'write_file',
      considered: [
        { policy: { name: 'no-etc' }, mismatch: null, condition: 'TRUE' },
        { policy: { name: 'shade' }, mismatch: null, condition: 'TRUE' },
        { policy: { name: 'readers' }, mismatch: 'TARGET', condition: null },
        { policy: { name: 'others' }, mismatch: 'SERVER', condition: null },
        { policy: { name: 'agents' }, mismatch: 'SUBJECT', condition: null },
      ],
    });
    const failed = await explain({ tool: 'write_file', args: {} });
    expect(failed.explanation).toMatchObject({
      ...{ allowed: false, cause: 'EVALUATION_FAILED', reason: 'policy_evaluation_failed' },
      error: expect.stringContaining('path'),
    });
    const allowed = await explain({ tool: 'write_file', args: { path: '/srv/a' } });
    expect(allowed.explanation).toMatchObject({
      ...{ allowed: true, cause: 'DEFAULT', reason: null, policy: null },
      shadow: [{ policy: { name: 'shade' }, outcome: 'WOULD_DENY' }],
    });
  });

  test('fills roles and scopes of an account, and of a key, as nodes get them', async () => {
    const subject = `user:${harness.platform.operator.id}`;
    const own = await explain({ principal: { subject }, tool: 't' });
    expect(own.explanation?.principal).toEqual({
      subject,
      roles: ['owner'],
      scopes: ['mcp:files'],
    });
    const account = await run<{ createServiceAccount: { serviceAccount: { id: string } } }>(
      `mutation($i: CreateServiceAccountInput!) {
         createServiceAccount(input: $i) { serviceAccount { id } userErrors { code } } }`,
      { i: { organizationId, name: 'bot', role: 'AGENT' } },
    );
    const { id } = account.createServiceAccount.serviceAccount;
    const key = await run<{ createApiKey: { apiKey: { keyId: string } } }>(
      `mutation($i: CreateApiKeyInput!) {
         createApiKey(input: $i) { apiKey { keyId } userErrors { code message } } }`,
      { i: { organizationId, serviceAccountId: id, label: 'k', scopes: ['mcp:files:read_file'] } },
    );
    const expected = {
      subject: `service:${id}`,
      roles: ['agent'],
      scopes: ['mcp:files:read_file'],
    };
    const { keyId } = key.createApiKey.apiKey;
    const byKey = await explain({ principal: { credentialId: keyId }, tool: 't' });
    expect(byKey.explanation?.principal).toEqual(expected);
    const byAccount = await explain({ principal: { subject: `service:${id}` }, tool: 't' });
    expect(byAccount.explanation?.principal).toEqual(expected);
    const given = await explain({
      principal: { subject, roles: ['auditor'], scopes: [] },
      tool: 't',
    });
    expect(given.explanation?.principal).toEqual({ subject, roles: ['auditor'], scopes: [] });
  });

  test('says what is wrong with a call', async () => {
    expect((await explain({ tool: 't', server: 'none' })).userErrors).toMatchObject([
      { code: 'NOT_FOUND', path: ['server'] },
    ]);
    expect((await explain({})).userErrors).toMatchObject([{ code: 'REQUIRED', path: ['method'] }]);
    expect((await explain({ tool: 't', uri: 'file:///x' })).userErrors).toHaveLength(1);
    expect(
      (await explain({ tool: 't', args: { a: 'x'.repeat(50_000) } })).userErrors,
    ).toMatchObject([{ code: 'TOO_LONG' }]);
  });
});

interface Recorded {
  readonly subject?: string;
  readonly tool?: string;
  readonly method?: string;
  readonly decision?: 'allowed' | 'refused' | 'failed';
  readonly reason?: string;
  readonly state?: string;
  readonly args?: string | null;
  readonly phase?: string;
  readonly server?: string;
  readonly shadow?: object | null;
  readonly ageSeconds?: number;
}

async function record(fields: Recorded): Promise<string> {
  const callId = randomUUID();
  const { subject = 'user:1', tool = 'write_file', method = 'tools/call' } = fields;
  await rows.query(
    `insert into request_logs (id, organization_id, received_at, node_id, call_id, phase, started_at,
       subject, credential_id, server_id, era, method, target, decision, reason, principal_roles,
       principal_scopes, credential_kind, argument_state, arguments, shadow_decisions)
     values ($1, $2, now() - make_interval(secs => $3), $1, $1, $4, now(), $5, 'key', $6, 'modern', $7, $8,
       $9, $10, '{agent}', '{mcp:*}', 'api_key', $11, $12, $13)`,
    [
      ...[callId, organizationId, fields.ageSeconds ?? 1, fields.phase ?? 'complete', subject],
      ...[
        fields.server ?? serverId,
        method,
        tool,
        fields.decision ?? 'allowed',
        fields.reason ?? '',
      ],
      ...[fields.state ?? 'full', fields.args === undefined ? '{"path":"/srv/a"}' : fields.args],
      fields.shadow === undefined || fields.shadow === null ? null : JSON.stringify(fields.shadow),
    ],
  );
  return callId;
}

const reportFields = `cut elapsedMs totals { calls newlyDenied newlyAllowed unchanged unknown undecided changedSince }
  byPolicy { policy { id name } newlyDenied newlyAllowed }
  byTool { server method target newlyDenied newlyAllowed unknown }
  byPrincipal { subject newlyDenied newlyAllowed unknown }
  samples { change callId subject server target recorded unknown
    before { allowed cause policy { name } } after { allowed cause policy { name } } }`;

interface Report {
  readonly cut: string | null;
  readonly totals: Readonly<Record<string, number>>;
  readonly byPolicy: readonly object[];
  readonly byTool: readonly object[];
  readonly byPrincipal: readonly object[];
  readonly samples: readonly { readonly callId: string; readonly change: string }[];
}

function period() {
  return {
    since: new Date(Date.now() - 3_600_000).toISOString(),
    until: new Date(Date.now() + 60_000).toISOString(),
  };
}

async function simulate(draft: object, from: Replica = replica) {
  const query = `query($i: SimulatePoliciesInput!) { simulatePolicies(input: $i) {
    userErrors { code path message } report { ${reportFields} } } }`;
  const reply = await from.post<{
    simulatePolicies: { report: Report | null; userErrors: readonly UserError[] };
  }>(query, { i: { organizationId, draft, over: period() } }, token);
  return dataOf(reply).simulatePolicies;
}

const noEtc = {
  ...{ name: 'no-etc', effect: 'DENY', tools: ['write_file'] },
  condition: 'args.path.startsWith("/etc/")',
};

describe('simulatePolicies', () => {
  test('says what a draft would newly deny and allow, by policy, tool and caller, with samples', async () => {
    const block = await policy('block', { tools: ['drop_table'] });
    const etc = await record({ args: '{"path":"/etc/passwd"}', subject: 'user:2' });
    const dropped = await record({
      tool: 'drop_table',
      decision: 'refused',
      reason: 'policy_denied',
    });
    await record({});
    await record({ tool: 'read_file' });
    await record({ phase: 'end' });
    await record({ decision: 'refused', reason: 'scope_insufficient' });
    await record({ method: 'GET', tool: '' });
    const { report, userErrors } = await simulate({ add: [noEtc], remove: [block.id] });
    expect(userErrors).toEqual([]);
    expect(report).toMatchObject({
      cut: null,
      totals: {
        ...{ calls: 6, newlyDenied: 1, newlyAllowed: 1, unchanged: 3, unknown: 0, undecided: 1 },
        changedSince: 0,
      },
      byPolicy: [
        { policy: { id: block.id }, newlyDenied: 0, newlyAllowed: 1 },
        { policy: { id: 'new:no-etc', name: 'no-etc' }, newlyDenied: 1, newlyAllowed: 0 },
      ],
      samples: [
        {
          ...{ change: 'NEWLY_DENIED', callId: etc, subject: 'user:2', server: 'files' },
          ...{ before: { allowed: true, cause: 'DEFAULT' }, recorded: 'ALLOWED', unknown: null },
          after: { allowed: false, policy: { name: 'no-etc' } },
        },
        { change: 'NEWLY_ALLOWED', callId: dropped, recorded: 'REFUSED' },
      ],
    });
    expect(report?.byTool).toHaveLength(2);
    expect(report?.byPrincipal).toHaveLength(2);
  });

  test('says that it can’t tell where a condition reads arguments that were not kept, and never guesses', async () => {
    await record({ state: 'off', args: null });
    await record({ state: 'too_large', args: null });
    await record({ state: 'redacted', args: '{"path":"[redacted]"}' });
    await record({ state: 'off', args: null, tool: 'read_file' });
    await record({ method: 'tasks/get', tool: '' });
    await record({ server: randomUUID() });
    const { report } = await simulate({ add: [noEtc] });
    expect(report?.totals).toMatchObject({ calls: 6, unknown: 5, unchanged: 1, newlyDenied: 0 });
    expect(
      report?.samples.map((sample) => (sample as { unknown?: string }).unknown).sort(),
    ).toEqual(['ARGUMENTS', 'ARGUMENTS', 'ARGUMENTS', 'SERVER', 'TARGET']);
    // What is denied whatever the arguments are is known.
    const sure = await simulate({ add: [{ ...noEtc, condition: '' }] });
    expect(sure.report?.totals).toMatchObject({ newlyDenied: 3, unknown: 2 });
  });

  test('tries another default, and compares with what was decided then', async () => {
    await record({});
    await record({ decision: 'refused', reason: 'policy_denied' });
    const { report } = await simulate({ policyDefault: 'DENY' });
    expect(report?.totals).toMatchObject({ newlyDenied: 2, changedSince: 1 });
    expect(report?.byPolicy).toEqual([{ policy: null, newlyDenied: 2, newlyAllowed: 0 }]);
  });

  test('refuses a draft that could not be stored', async () => {
    const broken = { ...noEtc, condition: 'args.path.' };
    const { report, userErrors } = await simulate({ add: [broken] });
    expect(report).toBeNull();
    expect(userErrors).toMatchObject([{ path: ['draft', 'add', '0', 'condition'] }]);
    const missing = await simulate({ remove: [randomUUID()] });
    expect(missing.userErrors).toMatchObject([
      { code: 'NOT_FOUND', path: ['draft', 'remove', '0'] },
    ]);
  });

  test('looks at the newest calls when there are more than it may', async () => {
    for (const ageSeconds of [30, 20, 10]) await record({ ageSeconds });
    const bounded = await harness.replica({ bounds: { simulationCallsMax: 2 } });
    const { report } = await simulate({ add: [{ ...noEtc, condition: '' }] }, bounded);
    expect(report).toMatchObject({ cut: 'CALLS', totals: { calls: 2, newlyDenied: 2 } });
    const full = await harness.replica({ bounds: { simulationsMax: 0 } });
    await expect(simulate({}, full)).rejects.toThrow('BUSY');
  });

  test('streams its progress and then the report, and ends when the subscriber leaves', async () => {
    await rows.query(
      `insert into request_logs (id, organization_id, received_at, node_id, call_id, phase, started_at,
         subject, server_id, era, method, target, decision, credential_kind, argument_state)
       select gen_random_uuid(), $1, now() - make_interval(secs => n / 100.0), $2, gen_random_uuid(),
         'complete', now(), 'user:' || n % 50, $2, 'modern', 'tools/call', 'write_file', 'allowed',
         'api_key', 'off' from generate_series(1, 60000) n`,
      [organizationId, serverId],
    );
    const query = `subscription { simulatePolicies(input: { organizationId: "${organizationId}",
      draft: { add: [{ name: "all", effect: DENY }] },
      over: { since: "${period().since}", until: "${period().until}" } }) {
      progress { totals { calls } elapsedMs } report { totals { calls newlyDenied } } userErrors { code } } }`;
    const inbox = subscribers.open('websocket', replica, query, token);
    expect(await inbox.ended).toBe('complete');
    const events = inbox.items.map((item) => item.data?.['simulatePolicies']);
    expect(events.at(-1)).toMatchObject({
      report: { totals: { calls: 60_000, newlyDenied: 60_000 } },
    });
    expect(events.length).toBeGreaterThan(1);
    expect(events[0]).toMatchObject({ report: null, userErrors: [] });
    const one = await harness.replica({ bounds: { simulationsMax: 1 } });
    const leaving = subscribers.open('websocket', one, query, token);
    await leaving.has(1);
    leaving.dispose();
    await untilSubscribed(one, 0);
    // Its place is free again.
    await expect(
      (async () => {
        for (let attempt = 0; attempt < 100; attempt += 1) {
          const reply = await one.post<object>(
            `query($i: SimulatePoliciesInput!) { simulatePolicies(input: $i) { userErrors { code } } }`,
            { i: { organizationId, draft: {}, over: { ...period(), since: period().until } } },
            token,
          );
          if (reply.errors.length === 0) return 'free';
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        return 'taken';
      })(),
    ).resolves.toBe('free');
  });
});

describe('what policies in shadow mode would have decided', () => {
  test('is counted by policy, tool and caller', async () => {
    const shade = await policy('shade', { mode: 'SHADOW' });
    const gone = randomUUID();
    const entry = (policyId: string, outcome: string) => ({ policyId, revision: 1, outcome });
    await record({ shadow: [entry(shade.id, 'would_deny'), entry(gone, 'would_fail')] });
    await record({ shadow: [entry(shade.id, 'would_deny')], subject: 'user:2' });
    await record({ shadow: [entry(shade.id, 'would_allow')], tool: 'read_file' });
    await record({ shadow: [entry(shade.id, 'would_deny')], phase: 'end' });
    await record({ shadow: [entry(shade.id, 'would_deny')], ageSeconds: 7200 });
    await record({});
    const summary = `totals { wouldDeny wouldAllow wouldFail } isCut
      byPolicy { policyId policyName wouldDeny wouldAllow wouldFail }
      byTool { server method target wouldDeny } byPrincipal { subject wouldDeny wouldAllow }`;
    const args = `since: "${period().since}", until: "${period().until}"`;
    const data = await run<{
      organization: { shadowDecisions: Record<string, object[]> };
      policy: { shadowCounts: object };
    }>(
      `query($o: ID!, $p: ID!) {
         organization(id: $o) { shadowDecisions(${args}) { ${summary} } }
         policy(organizationId: $o, id: $p) { shadowCounts(${args}) { ${summary} } } }`,
      { o: organizationId, p: shade.id },
    );
    const counts = data.organization.shadowDecisions;
    expect(counts).toMatchObject({
      isCut: false,
      totals: { wouldDeny: 2, wouldAllow: 1, wouldFail: 1 },
      byPolicy: [
        { policyId: shade.id, policyName: 'shade', wouldDeny: 2, wouldAllow: 1, wouldFail: 0 },
        { policyId: gone, policyName: null, wouldDeny: 0, wouldFail: 1 },
      ],
      byTool: [
        { server: 'files', method: 'tools/call', target: 'write_file', wouldDeny: 2 },
        { target: 'read_file', wouldDeny: 0 },
      ],
    });
    expect(counts['byPrincipal']).toEqual([
      { subject: 'user:1', wouldDeny: 1, wouldAllow: 1 },
      { subject: 'user:2', wouldDeny: 1, wouldAllow: 0 },
    ]);
    expect(data.policy.shadowCounts).toMatchObject({
      totals: { wouldDeny: 2, wouldAllow: 1, wouldFail: 0 },
      byPolicy: [{ policyId: shade.id }],
    });
  });
});

async function expectation(policyId: string, name: string, fields: object): Promise<void> {
  const data = await run<{ createPolicyExpectation: { userErrors: readonly UserError[] } }>(
    `mutation($i: CreatePolicyExpectationInput!) {
       createPolicyExpectation(input: $i) { policyExpectation { id } userErrors { code path message } } }`,
    { i: { organizationId, policyId, name, ...fields } },
  );
  expect(data.createPolicyExpectation.userErrors).toEqual([]);
}

const agentWrites = (path: string) => ({
  principal: { subject: 'user:x', roles: ['agent'] },
  ...{ server: 'files', tool: 'write_file', args: { path } },
});

describe('expectations', () => {
  test('block a change that breaks one, and name it', async () => {
    const guard = await policy('no-etc', { tools: noEtc.tools, condition: noEtc.condition });
    const { id, version } = guard;
    const call = agentWrites('/etc/passwd');
    await expectation(id, 'keeps etc', { call, expected: 'DENY', expectedPolicyId: id });
    await expectation(id, 'leaves srv', { call: agentWrites('/srv/a'), expected: 'ALLOW' });
    const broken = [
      await save('updatePolicy', { id, version, enabled: false }),
      await save('updatePolicy', { id, version, condition: 'args.path.startsWith("/opt/")' }),
      await save('updatePolicy', { id, version, mode: 'SHADOW' }),
      await save('createPolicy', { name: 'all', effect: 'DENY' }),
    ];
    for (const { policy: saved, userErrors } of broken) {
      expect(saved).toBeNull();
      expect(userErrors).toMatchObject([{ code: 'EXPECTATION_FAILED', path: ['force'] }]);
    }
    expect(broken[0]?.userErrors[0]?.message).toContain('“keeps etc” of policy “no-etc”');
    expect(broken[3]?.userErrors[0]?.message).toContain('“leaves srv”');
    const organization = await run<{
      updateOrganization: { userErrors: readonly UserError[] };
    }>(
      `mutation($i: UpdateOrganizationInput!) { updateOrganization(input: $i) { userErrors { code message } } }`,
      { i: { organizationId, version: await organizationVersion(), policyDefault: 'DENY' } },
    );
    expect(organization.updateOrganization.userErrors).toMatchObject([
      { code: 'EXPECTATION_FAILED', message: expect.stringContaining('deny by default') },
    ]);
    const harmless = await save('updatePolicy', { id, version, message: 'No.' });
    expect(harmless.userErrors).toEqual([]);
    expect(await results()).toMatchObject([
      { name: 'keeps etc', passed: true, failure: null, policy: { name: 'no-etc' } },
      { name: 'leaves srv', passed: true, allowed: true },
    ]);
  });

  test('are passed over by force, which the audit trail tells', async () => {
    const { id, version } = await policy('no-etc', { tools: noEtc.tools });
    await expectation(id, 'keeps', { call: agentWrites('/etc/x'), expected: 'DENY' });
    const forced = await save('updatePolicy', { id, version, enabled: false, force: true });
    expect(forced.userErrors).toEqual([]);
    const { rows: entries } = await rows.query<{ details: object }>(
      `select details from audit_logs where action = 'policy.update' and target_id = $1
       order by sequence desc limit 1`,
      [id],
    );
    expect(entries[0]?.details).toMatchObject({
      ...{ forced: true, failedCount: 1, failedExpectations: ['no-etc/keeps'] },
    });
    expect(await results()).toMatchObject([{ passed: false, allowed: true, cause: 'DEFAULT' }]);
    const next = await save('updatePolicy', { id, version: version + 1, message: 'x' });
    expect(next.userErrors).toHaveLength(1);
  });

  test('go with their policy, and fail when their call can’t be made any more', async () => {
    const { id, version } = await policy('no-etc', { tools: noEtc.tools });
    const call = { ...agentWrites('/etc/x'), server: 'gone' };
    await expectation(id, 'elsewhere', { call, expected: 'DENY' });
    expect(await results()).toMatchObject([
      { passed: false, allowed: null, failure: expect.stringContaining('There is no server') },
    ]);
    const data = await run<{ deletePolicy: { userErrors: readonly UserError[] } }>(
      `mutation($i: DeletePolicyInput!) { deletePolicy(input: $i) { userErrors { code } } }`,
      { i: { organizationId, id, version } },
    );
    expect(data.deletePolicy.userErrors).toEqual([]);
    expect(await results()).toEqual([]);
  });

  test('are bounded, and checked when they are written', async () => {
    const { id } = await policy('no-etc', { tools: noEtc.tools });
    await rows.query(
      `insert into policy_expectations (organization_id, id, policy_id, name, call, expected)
       select $1, gen_random_uuid(), $2, 'n' || n, $3, 'deny' from generate_series(1, 500) n`,
      [organizationId, id, JSON.stringify(agentWrites('/x'))],
    );
    const create = (input: object) =>
      run<{ createPolicyExpectation: { userErrors: readonly UserError[] } }>(
        `mutation($i: CreatePolicyExpectationInput!) {
           createPolicyExpectation(input: $i) { userErrors { code path } } }`,
        { i: { organizationId, policyId: id, name: 'x', expected: 'DENY', ...input } },
      ).then((data) => data.createPolicyExpectation.userErrors);
    expect(await create({ call: agentWrites('/x') })).toMatchObject([{ code: 'TOO_MANY' }]);
    expect(await create({ call: { principal: {}, server: 'files' } })).toMatchObject([
      { code: 'REQUIRED', path: ['call', 'method'] },
    ]);
    expect(await create({ policyId: randomUUID(), call: agentWrites('/x') })).toMatchObject([
      { code: 'NOT_FOUND', path: ['policyId'] },
    ]);
    const started = performance.now();
    expect(await results()).toHaveLength(500);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

async function organizationVersion(): Promise<number> {
  const { rows: found } = await rows.query<{ version: number }>(
    'select version from organizations where id = $1',
    [organizationId],
  );
  return found[0]?.version ?? 0;
}

async function results(): Promise<readonly object[]> {
  const data = await run<{ runPolicyExpectations: readonly object[] }>(
    `query($o: ID!) { runPolicyExpectations(organizationId: $o) {
       name passed failure allowed cause policy { name } } }`,
    { o: organizationId },
  );
  return data.runPolicyExpectations;
}
