import { expect, test } from '@jest/globals';
import type { Policy } from '../../../common/policy/policy.ts';
import type { PolicyCall } from '../../../common/policy/policy-call.ts';
import { type PolicySet, PolicySetBuilder } from '../../../common/policy/policy-set.ts';
import { type PreparedPolicy, preparePolicy } from '../../../common/policy/prepared-policy.ts';

type About = Partial<Policy['targets'] & Policy['subjects']>;

const count = 10_000;

function policy(index: number, about: About): Policy {
  const list = (name: keyof About) => about[name] ?? [];
  return {
    id: `p${index}`,
    organizationId: 'acme',
    name: `policy-${index}`,
    revision: 1,
    effect: 'allow',
    mode: 'enforce',
    position: index,
    message: '',
    targets: {
      servers: list('servers'),
      methods: list('methods'),
      tools: list('tools'),
      resources: list('resources'),
      prompts: list('prompts'),
    },
    subjects: { roles: list('roles'), subjects: list('subjects'), apiKeys: list('apiKeys') },
    condition: '',
  };
}

function prepare(index: number, about: About): PreparedPolicy {
  return preparePolicy(policy(index, about), () => {
    throw new Error('no policy here has a condition');
  });
}

/** A set of many policies that counts how many of them a decision looks at. */
class CountedSet {
  readonly set: PolicySet;
  #looks = 0;

  constructor(about: (index: number) => About) {
    const builder = new PolicySetBuilder();
    for (let index = 0; index < count; index += 1) {
      const prepared = prepare(index, about(index));
      const { methods } = prepared;
      const count = () => {
        this.#looks += 1;
        return methods;
      };
      builder.add(
        Object.defineProperty({ ...prepared }, 'methods', { get: count, enumerable: true }),
      );
    }
    this.set = builder.finish();
  }

  looksAt(call: PolicyCall): { readonly by: string | undefined; readonly looks: number } {
    this.#looks = 0;
    const { policy: by } = this.set.decide(call);
    return { by: by?.id, looks: this.#looks };
  }
}

const call: PolicyCall = {
  principal: {
    subject: 'user:42',
    roles: ['staff', 'role-42'],
    scopes: [],
    credentialId: 'key-42',
    credentialKind: 'api_key',
  },
  server: { id: 'id', slug: 'server-42-eu', labels: new Map() },
  request: {
    method: 'tools/call',
    era: 'legacy',
    client: { name: '', version: '' },
    address: '',
    headers: new Map(),
  },
  target: { kind: 'tool', name: 'tool-42-read' },
  pin: undefined,
  args: {},
  nowMs: 0,
};

test.each<readonly [string, (index: number) => About]>([
  ['tools', (n) => ({ tools: [`tool-${n}-read`] })],
  ['what tools start with', (n) => ({ tools: [`tool-${n}-*`] })],
  ['servers', (n) => ({ servers: [`server-${n}-eu`] })],
  ['what servers start with', (n) => ({ servers: [`server-${n}-*`] })],
  ['roles', (n) => ({ roles: [`role-${n}`] })],
  ['users', (n) => ({ subjects: [`user:${n}`] })],
  ['keys', (n) => ({ apiKeys: [`key-${n}`] })],
  ['roles on one tool', (n) => ({ roles: [`role-${n}`], tools: ['tool-42-read'] })],
  ['servers for one tool', (n) => ({ servers: [`server-${n}-eu`], tools: ['tool-42-read'] })],
  ['tools of one server', (n) => ({ servers: ['server-42-eu'], tools: [`tool-${n}-read`] })],
  [
    'tools of one server, one method and one role',
    (n) => ({
      servers: ['server-*'],
      methods: ['tools/call'],
      roles: ['staff'],
      tools: [`tool-${n}-*`],
    }),
  ],
  ['roles for everything', (n) => ({ roles: [`role-${n}`], tools: ['*'], servers: ['*'] })],
  [
    'now this, now that',
    (n) =>
      [
        { tools: [`tool-${n}-read`] },
        { roles: [`role-${n}`], tools: ['tool-*'] },
        { servers: [`server-${n}-eu`], methods: ['tools/*'] },
        { subjects: [`user:${n}`], servers: ['server-42-eu'] },
      ][n % 4] ?? {},
  ],
])('of 10,000 policies told apart by %s a call looks at few', (_, about) => {
  const { by, looks } = new CountedSet(about).looksAt(call);
  expect(by).toBe('p42');
  expect(looks).toBeLessThanOrEqual(40);
});

test('the longest policy that may be written is indexed in a moment', () => {
  const many = (length: number, name: string) => Array.from({ length }, (_, n) => `${name}-${n}*`);
  const builder = new PolicySetBuilder();
  const longest = Array.from({ length: 50 }, (_, index) =>
    prepare(index, {
      servers: many(200, 's'),
      methods: many(200, 'm'),
      tools: many(200, 't'),
      resources: many(200, 'file:///r'),
      prompts: many(200, 'p'),
      roles: many(100, 'r'),
      subjects: many(500, 'user:'),
      apiKeys: many(500, 'k'),
    }),
  );
  const steps = longest.map((prepared) => {
    const begin = performance.now();
    builder.add(prepared);
    return performance.now() - begin;
  });
  expect(builder.finish().size).toBe(50);
  // The median: another process may stop this one at any step.
  expect(steps.sort((a, b) => a - b)[25]).toBeLessThan(10);
});

test('a set shares its policies with itself under another default', () => {
  const { set } = new CountedSet((n) => ({ tools: [`tool-${n}`] }));
  expect(set.policyDefault).toBe('deny');
  expect(set.decide(call).allowed).toBe(false);
  const allowing = set.withDefault('allow');
  expect(allowing.decide(call)).toMatchObject({ allowed: true, cause: 'default' });
  expect(allowing.size).toBe(count);
  expect(allowing.withDefault('allow')).toBe(allowing);
  expect(set.policyDefault).toBe('deny');
});
