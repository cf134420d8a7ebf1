import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Policy } from '../../common/policy/policy.ts';
import type { PolicyBasis } from '../../control-plane/policy/policy-basis.ts';
import { compareSets } from '../../control-plane/policy/simulation/draft.ts';
import type { RecordedCall } from '../../control-plane/policy/simulation/recorded-calls.ts';
import { Replayer } from '../../control-plane/policy/simulation/replay-call.ts';
import { Turns } from '../../control-plane/policy/turns.ts';
import type { CallRecord } from '../../proto/gen/mcpgw/events/v1/CallRecord.ts';
import { testPolicy } from '../support/policy-call.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import { emptyResult, type ProxyUpstream, startProxyUpstream } from '../support/proxy-upstream.ts';

let node: ProxyHarness;
let upstream: ProxyUpstream;
let url: string;

beforeAll(async () => {
  upstream = await startProxyUpstream(emptyResult);
  node = await new ProxyHarness().start();
  url = node.serve('plain', upstream.url);
});

afterAll(async () => {
  await node.close();
  await upstream.close();
});

const states = {
  FULL: 'full',
  REDACTED: 'redacted',
  NONE: 'none',
  OFF: 'off',
  TOO_LARGE: 'too_large',
};

/** A record as it comes back from the database. */
function recordedCall(record: CallRecord): RecordedCall {
  const state = record.argumentState.replace('ARGUMENT_STATE_', '') as keyof typeof states;
  return {
    ...{ id: record.callId, callId: record.callId, subject: record.subject },
    ...{ receivedAtMs: record.startedAtMs, startedAtMs: record.startedAtMs },
    ...{ credentialId: record.credentialId, credentialKind: 'api_key', era: 'legacy' },
    ...{ roles: record.principalRoles, scopes: record.principalScopes, headers: null },
    ...{ serverId: record.serverId, method: record.method, target: record.target },
    decision: record.decision === 'DECISION_REFUSED' ? 'refused' : 'allowed',
    ...{
      reason: record.reason,
      clientName: record.clientName,
      clientVersion: record.clientVersion,
    },
    address: record.clientAddress,
    argumentState: states[state] as RecordedCall['argumentState'],
    args: record.arguments.length > 0 ? record.arguments.toString() : null,
  };
}

const condition = fc.constantFrom(
  '',
  'args.path.startsWith("/etc/")',
  'has(args.n) && args.n > 3',
  '"agent" in principal.roles',
  'principal.subject == "user:1"',
  'args.missing == 1',
  'request.era == "legacy"',
  'server.slug == "other"',
  'tool.annotations.readOnlyHint',
);
const patterns = (...texts: string[]) => fc.subarray(texts, { maxLength: 1 });
const policies: fc.Arbitrary<Policy[]> = fc
  .array(
    fc.record({
      effect: fc.constantFrom('allow' as const, 'deny' as const),
      mode: fc.constantFrom('enforce' as const, 'enforce' as const, 'shadow' as const),
      condition,
      tools: patterns('read_*', 'write_file', '*'),
      prompts: patterns('p*'),
      resources: patterns('file:///srv/**'),
      methods: patterns('tools/*', 'tools/list', 'resources/read'),
      roles: patterns('agent', 'owner'),
    }),
    { maxLength: 5 },
  )
  .map((fields) =>
    fields.map((each, position) => testPolicy(`p${position}`, { ...each, position })),
  );

const args = fc.record(
  {
    path: fc.constantFrom('/etc/passwd', '/srv/a', ''),
    n: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom(Number.POSITIVE_INFINITY, -0, 2.5)),
    text: fc.string({ unit: 'binary', maxLength: 5 }),
  },
  { requiredKeys: [] },
);
const call = fc.oneof(
  fc.record({
    method: fc.constant('tools/call'),
    name: fc.constantFrom('read_file', 'write_file', 'x'),
    args,
  }),
  fc.record({ method: fc.constant('prompts/get'), name: fc.constantFrom('p1', 'q'), args }),
  fc.record({
    method: fc.constant('resources/read'),
    uri: fc.constantFrom('file:///srv/a', 'file:///srv/..%2fx'),
  }),
  fc.record({ method: fc.constantFrom('tools/list', 'ping', 'logging/setLevel', 'acme/own') }),
);

test('a recorded call is decided again as the node decided it', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(
      policies,
      fc.constantFrom('allow' as const, 'deny' as const),
      fc.array(call, { minLength: 1, maxLength: 5 }),
      async (given, policyDefault, calls) => {
        const settings = { policyDefault, argumentRecording: 'full' } as const;
        const organization = node.snapshot.addOrganization('acme', settings);
        node.snapshot.setPolicies(organization, given);
        const server = node.snapshot.server(organization.id, 'plain');
        if (server === undefined) throw new Error('There is no server.');
        const basis: PolicyBasis = {
          ...{ policyDefault, policyHeaders: new Set<string>(), policies: given },
          serversById: new Map([[server.id, server]]),
          serversBySlug: new Map([[server.slug, server]]),
          pins: new Map(),
        };
        const replayer = new Replayer(
          basis,
          await compareSets(basis, given, policyDefault, new Turns()),
        );
        for (const each of calls) {
          const params = {
            ...('name' in each && { name: each.name, arguments: each.args }),
            ...('uri' in each && { uri: each.uri }),
          };
          // 1e400 is no number of JavaScript's: as text it is one of JSON's.
          const text = JSON.stringify({
            jsonrpc: '2.0',
            id: 1,
            method: each.method,
            params,
          }).replace('"n":null', '"n":1e400');
          await (await node.post(url, text)).text();
          const record = node.recorder.records.at(-1);
          if (record === undefined) throw new Error('Nothing was recorded.');
          const replay = replayer.replay(recordedCall(record));
          expect(replay.kind).toBe('unchanged');
          if (replay.kind !== 'unchanged') return;
          const { before } = replay;
          expect(before.allowed).toBe(record.decision !== 'DECISION_REFUSED');
          expect(before.policy?.id ?? '').toBe(record.policyId);
          expect(before.shadow.map(({ policy }) => policy.id)).toEqual(
            record.shadowDecisions.map(({ policyId }) => policyId),
          );
          compared += 1;
        }
      },
    ),
    { numRuns: 150 },
  );
  expect(compared).toBeGreaterThan(150);
}, 60_000);
