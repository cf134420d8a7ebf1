import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileCondition } from '../../../common/policy/compile-condition.ts';
import type { Decision } from '../../../common/policy/decision.ts';
import type { Policy, PolicyDefault } from '../../../common/policy/policy.ts';
import type { CallTarget, PolicyCall } from '../../../common/policy/policy-call.ts';
import { PolicySet } from '../../../common/policy/policy-set.ts';
import type { ItemTarget } from '../../../common/policy/visibility-query.ts';
import {
  type NaiveDecision,
  naivelyDecide,
  naivelyMayUse,
} from '../../support/policy-naive-evaluator.ts';

/** Few words, so that policies and calls meet. */
const slugs = ['files', 'files-2', 'mail', 'm'];
const tools = ['read', 'read_file', 'read_files_of_everybody', 'write', 'write_file', 'a*b', 'ä😀'];
const uris = ['file:///a', 'file:///a/b', 'file:///a/b/c.txt', 'note://x', 'note://x/y?z=1'];
const prompts = ['greet', 'greet_all', 'sum'];
const roles = ['agent', 'auditor', 'developer'];
const people = ['user:1', 'user:2', 'service:ci'];
const keys = ['key1', 'key2'];
const namePatterns = [
  ...[
    '*',
    '?',
    'read',
    'read*',
    'read_*',
    '*_file',
    '*e*',
    'wri?e*',
    'a\\*b',
    '??',
    '',
    'm',
    'mail',
  ],
  ...['files*', 'read_files_of_every*', 'files', 'greet', 'gr*t', 'write_file', '*_*_*', 'x'],
];
const uriPatterns = [
  ...['*', '**', 'file:///*', 'file:///**', 'file:///a/*', 'file:///a/**', 'note://?', 'note://**'],
  ...['file:///a/b', 'file:///*/b', '**/c.txt', '**/b/*.txt', 'note://x/*', 'file:///a/?/*', 'x:*'],
];
const methods = [
  ...['tools/call', 'resources/read', 'prompts/get', 'completion/complete', 'tasks/get'],
  ...['tools/list', 'prompts/list', 'logging/setLevel', 'acme/own', 'initialize'],
];
const methodPatterns = [
  '*',
  'tools/*',
  'tools/call',
  '*/list',
  '*/get',
  'acme/?wn',
  'resources/read',
];
const conditions = [
  ...['', '', '', 'true', 'false', '1 / 0 == 1', 'principal.subject == "user:1"'],
  ...['args.n > 3', 'args.n > 3 || server.slug == "files"', 'args.n > 3 && server.slug == "mail"'],
  ...[
    'has(args.n) && args.n == 1',
    '!has(args.n)',
    'tool.approved',
    'tool.annotations.readOnlyHint',
  ],
  ...[
    'request.method == "tools/call"',
    'request.target.startsWith("read")',
    'server.labels.env == "prod"',
  ],
  ...[
    '"agent" in principal.roles',
    'request.headers["x-team"] == "blue"',
    'now < timestamp("2026-06-01T00:00:00Z")',
  ],
];

function someOf(values: readonly string[], maxLength = 2): fc.Arbitrary<string[]> {
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant<string[]>([]) },
    { weight: 1, arbitrary: fc.array(fc.constantFrom(...values), { minLength: 1, maxLength }) },
  );
}

const policyRules = fc.record({
  effect: fc.constantFrom('allow' as const, 'deny' as const),
  mode: fc.constantFrom('enforce' as const, 'enforce' as const, 'shadow' as const),
  position: fc.nat(4),
  condition: fc.constantFrom(...conditions),
  targets: fc.record({
    servers: someOf([...slugs, ...namePatterns]),
    methods: someOf([...methods, ...methodPatterns]),
    tools: someOf([...tools, ...namePatterns], 4),
    resources: someOf([...uris, ...uriPatterns]),
    prompts: someOf([...prompts, ...namePatterns]),
  }),
  subjects: fc.record({
    roles: someOf(roles),
    subjects: someOf(people),
    apiKeys: someOf(keys),
  }),
});

const policies: fc.Arbitrary<Policy[]> = fc.array(policyRules, { maxLength: 24 }).map((rules) =>
  rules.map((rule, index) => ({
    ...rule,
    id: `p${index}`,
    organizationId: 'o',
    name: `policy-${index}`,
    revision: 1,
    message: '',
  })),
);

function named(kind: ItemTarget['kind'], names: readonly string[]): fc.Arbitrary<ItemTarget> {
  return fc.constantFrom(...names).map((name) => ({ kind, name }));
}

interface Asked {
  readonly method: string;
  readonly target: CallTarget;
}

function asked(method: string, target: fc.Arbitrary<CallTarget>): fc.Arbitrary<Asked> {
  return target.map((one) => ({ method, target: one }));
}

const used: fc.Arbitrary<Asked> = fc.oneof(
  { weight: 4, arbitrary: asked('tools/call', named('tool', tools)) },
  { weight: 2, arbitrary: asked('resources/read', named('resource', uris)) },
  asked('prompts/get', named('prompt', prompts)),
  asked('completion/complete', named('prompt', prompts)),
  asked('completion/complete', named('resource', uris)),
  asked('tasks/get', named('tool', tools)),
  asked('tools/list', fc.constant({ kind: 'list' })),
  asked('logging/setLevel', fc.constant({ kind: 'method' })),
  asked('acme/own', fc.constant({ kind: 'method' })),
  asked('initialize', fc.constant({ kind: 'implicit' })),
);

const calls: fc.Arbitrary<PolicyCall> = fc
  .record({
    asked: used,
    roles: fc.uniqueArray(fc.constantFrom(...roles), { maxLength: 2 }),
    subject: fc.constantFrom(...people),
    credentialId: fc.constantFrom(...keys),
    credentialKind: fc.constantFrom('api_key' as const, 'access_token' as const),
    slug: fc.constantFrom(...slugs),
    labels: fc.constantFrom(new Map([['env', 'prod']]), new Map<string, string>()),
    headers: fc.constantFrom(new Map([['x-team', 'blue']]), new Map<string, string>()),
    args: fc.constantFrom(undefined, {}, { n: 1 }, { n: 5 }, { n: 'five' }),
    pinned: fc.boolean(),
    nowMs: fc.constantFrom(Date.UTC(2026, 0, 1), Date.UTC(2026, 8, 1)),
  })
  .map(({ asked: { method, target }, slug, labels, headers, args, pinned, nowMs, ...who }) => ({
    principal: { ...who, scopes: [] },
    server: { id: `id-of-${slug}`, slug, labels },
    request: {
      method,
      era: 'legacy',
      client: { name: 'c', version: '1' },
      address: '::1',
      headers,
    },
    target,
    pin: pinned && target.kind === 'tool' ? readOnlyPin(target.name) : undefined,
    args,
    nowMs,
  }));

function readOnlyPin(tool: string): PolicyCall['pin'] {
  const hints = { readOnly: true, destructive: false, idempotent: true, openWorld: undefined };
  return { tool, hash: '00', annotations: { title: '', ...hints } };
}

const defaults: fc.Arbitrary<PolicyDefault> = fc.constantFrom('allow', 'deny');

function plain(decision: Decision): NaiveDecision {
  const { allowed, cause, policy } = decision;
  const shadow = decision.shadow.map(({ policy: { id }, outcome }) => `${id} ${outcome}`);
  return { allowed, cause, policyId: policy?.id, shadow };
}

function setOf(rules: readonly Policy[], policyDefault: PolicyDefault): PolicySet {
  return PolicySet.compile(rules, { default: policyDefault, compile: compileCondition });
}

test('the indexed engine decides as the semantics are written down', () => {
  const causes = new Map<string, number>();
  fc.assert(
    fc.property(policies, fc.array(calls, { minLength: 1, maxLength: 6 }), defaults, (...given) => {
      const [rules, asks, policyDefault] = given;
      const set = setOf(rules, policyDefault);
      for (const call of asks) {
        const decision = plain(set.decide(call));
        expect(decision).toEqual(naivelyDecide(rules, call, policyDefault));
        expect(plain(set.decide(call, 'unknown'))).toEqual(
          naivelyDecide(rules, call, policyDefault, false),
        );
        const cause = `${decision.allowed ? 'allowed' : 'denied'} ${decision.cause}`;
        causes.set(cause, (causes.get(cause) ?? 0) + 1);
        for (const shadow of decision.shadow) {
          const outcome = shadow.split(' ')[1] ?? '';
          causes.set(outcome, (causes.get(outcome) ?? 0) + 1);
        }
      }
    }),
    { numRuns: 2000 },
  );
  // Every way that a decision can go was gone often.
  for (const cause of [
    ...['allowed policy', 'allowed default', 'allowed implicit', 'denied policy'],
    ...['denied default', 'denied evaluation_failed', 'would_deny', 'would_allow', 'would_fail'],
  ]) {
    expect([cause, (causes.get(cause) ?? 0) > 50]).toEqual([cause, true]);
  }
});

test('what a list shows is what could be allowed', () => {
  fc.assert(
    fc.property(policies, calls, fc.array(used, { maxLength: 12 }), defaults, (...given) => {
      const [rules, listed, items, policyDefault] = given;
      const query = setOf(rules, policyDefault).visibility(listed);
      for (const { method, target } of items) {
        if (!('name' in target)) continue;
        const request = { ...listed.request, method };
        const call = { ...listed, request, target, pin: undefined, args: undefined };
        expect(query.mayUse(method, target, undefined)).toBe(
          naivelyMayUse(rules, call, policyDefault),
        );
      }
    }),
    { numRuns: 2000 },
  );
});

test('an explanation agrees with the decision and with every policy’s part in it', () => {
  fc.assert(
    fc.property(policies, calls, defaults, (rules, call, policyDefault) => {
      const set = setOf(rules, policyDefault);
      const { decision, policies: considered } = set.explain(call);
      expect(decision).toEqual(set.decide(call));
      expect(considered.map(({ policy }) => policy.id).sort()).toEqual(
        rules.map(({ id }) => id).sort(),
      );
      for (const { mismatch, outcome } of considered) {
        expect(outcome === undefined).toBe(mismatch !== undefined);
      }
      // The policies that it says are about the call are all that the decision needs.
      const matched = considered.filter(({ mismatch }) => mismatch === undefined);
      const alone = matched.map(({ policy }) => policy);
      expect(plain(setOf(alone, policyDefault).decide(call))).toEqual(plain(decision));
    }),
    { numRuns: 2000 },
  );
});

test('the order in which policies come in means nothing', () => {
  fc.assert(
    fc.property(policies, calls, defaults, fc.nat(), (rules, call, policyDefault, turn) => {
      const at = rules.length === 0 ? 0 : turn % rules.length;
      const turned = [...rules.slice(at), ...rules.slice(0, at)].reverse();
      expect(plain(setOf(turned, policyDefault).decide(call))).toEqual(
        plain(setOf(rules, policyDefault).decide(call)),
      );
    }),
    { numRuns: 1000 },
  );
});
