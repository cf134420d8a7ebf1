import { describe, expect, test } from '@jest/globals';
import { contracts } from '../../../common/contracts.ts';
import type { PolicySet } from '../../../common/policy/policy-set.ts';
import { applyRange } from '../../../data-plane/snapshot/apply-range.ts';
import { checkResource, receivedResource } from '../../../data-plane/snapshot/held-resource.ts';
import { RangeAssembler } from '../../../data-plane/snapshot/range-assembler.ts';
import { ResourceState } from '../../../data-plane/snapshot/resource-state.ts';
import type { Resource } from '../../../proto/gen/mcpgw/discovery/v1/Resource.ts';
import {
  digestsOf,
  organization,
  policy,
  sealKeyRing,
  strangePolicy,
} from '../../support/control-plane-double-resources.ts';
import { policyCall } from '../../support/policy-call.ts';

function checked(resource: Resource) {
  return checkResource(receivedResource(resource));
}

function withPolicies(state: ResourceState, ...resources: Resource[]): ResourceState {
  const editor = state.edit();
  for (const resource of resources) editor.put(checked(resource));
  return editor.finish('e', state.revision + 1);
}

const empty = withPolicies(ResourceState.empty(), sealKeyRing(), organization('acme'));

function setOf(state: ResourceState, id = 'acme', policyDefault: 'allow' | 'deny' = 'allow') {
  const set = state.snapshot?.policies({ id, policyDefault });
  if (set === undefined) throw new Error('the state has no snapshot');
  return set;
}

function denies(set: PolicySet, tool: string): string | undefined {
  return set.decide(policyCall({ target: { kind: 'tool', name: tool } })).policy?.name;
}

describe('a policy on the stream', () => {
  const cases: [string, string, Resource][] = [
    ['effect', 'of an effect of a later build', strangePolicy('p', 'acme')],
    [
      'mode',
      'of a mode of a later build',
      policy('p', 'acme', { mode: 'POLICY_MODE_UNSPECIFIED' }),
    ],
    ['condition', 'whose condition is no CEL', policy('p', 'acme', { condition: 'a (' })],
    ['condition', 'that reads what isn’t', policy('p', 'acme', { condition: 'caller == "x"' })],
    [
      'condition',
      'of an endless condition',
      policy('p', 'acme', { condition: 'true ||'.repeat(9e3) }),
    ],
    ['name', 'without a name', policy('p', 'acme', { name: '' })],
    ['revision', 'without a revision', policy('p', 'acme', { revision: 0 })],
    ['tools[0]', 'with an empty pattern', policy('p', 'acme', { tools: [''] })],
    ['roles', 'of too many roles', policy('p', 'acme', { roles: new Array(3000).fill('r') })],
    ['', 'of another organization than its envelope', policy('p', 'acme', { organizationId: 'b' })],
  ];
  test.each(cases)('is refused at "%s": one %s', (path, _what, resource) => {
    expect(checked(resource).refusal).toMatchObject({ path });
    const snapshot = withPolicies(empty, resource).snapshot;
    expect(snapshot?.failClosed('acme', 'any')?.name).toBe('p');
  });

  test('closes nothing when it is of shadow mode and only its condition can’t be used', () => {
    const shadow = { mode: 'POLICY_MODE_SHADOW', condition: 'a (' } as const;
    const state = withPolicies(empty, policy('p', 'acme', shadow));
    expect(state.refusedCount).toBe(1);
    expect(state.snapshot?.failClosed('acme', 'any')).toBeUndefined();
    const enforced = withPolicies(state, policy('p', 'acme', { condition: 'a (' }));
    expect(enforced.snapshot?.failClosed('acme', 'any')?.name).toBe('p');
    const again = withPolicies(enforced, policy('p', 'acme', shadow));
    expect(again.snapshot?.failClosed('acme', 'any')).toBeUndefined();
  });

  test('says where its condition is wrong', () => {
    const { refusal } = checked(policy('p', 'acme', { condition: 'true &&\n  nope' }));
    expect(refusal?.message).toMatch(/^Line 2, column 3: /);
  });

  test('carries everything that it says', () => {
    const all = {
      revision: 3,
      effect: 'POLICY_EFFECT_ALLOW',
      mode: 'POLICY_MODE_SHADOW',
      position: 7,
      message: 'Ask.',
      condition: 'args.a == 1',
      servers: ['s'],
      methods: ['m'],
      tools: ['t'],
      resources: ['r'],
      prompts: ['p'],
      roles: ['role'],
      subjects: ['user:1'],
      apiKeys: ['key'],
    } as const;
    const { entry } = checked(policy('p', 'acme', all as never));
    expect(entry?.type === 'Policy' && entry.value.policy).toEqual({
      id: 'p',
      organizationId: 'acme',
      name: 'p',
      revision: 3,
      effect: 'allow',
      mode: 'shadow',
      position: 7,
      message: 'Ask.',
      condition: 'args.a == 1',
      targets: {
        servers: ['s'],
        methods: ['m'],
        tools: ['t'],
        resources: ['r'],
        prompts: ['p'],
      },
      subjects: { roles: ['role'], subjects: ['user:1'], apiKeys: ['key'] },
    });
  });

  test('shares its compiled condition with every other of the same source', () => {
    const [one, two] = ['p', 'q'].map((id) => checked(policy(id, 'acme', { condition: '1 < 2' })));
    const conditions = [one, two].map((made) =>
      made?.entry?.type === 'Policy' ? made.entry.value.condition : undefined,
    );
    expect(conditions[0]).toBeDefined();
    expect(conditions[1]).toBe(conditions[0]);
  });
});

describe('the policies of a snapshot', () => {
  test('are those of its revision, however they change after', () => {
    const before = withPolicies(empty, policy('p', 'acme', { tools: ['a'] }));
    const after = withPolicies(before, policy('p', 'acme', { tools: ['b'], revision: 2 }));
    expect(['a', 'b'].map((tool) => denies(setOf(before), tool))).toEqual(['p', undefined]);
    expect(['a', 'b'].map((tool) => denies(setOf(after), tool))).toEqual([undefined, 'p']);
  });

  test('are one object while nothing of their organization changes, and cost nothing without any', () => {
    const one = withPolicies(empty, policy('p', 'acme'));
    const other = withPolicies(one, policy('q', 'other'), organization('acme'));
    expect(setOf(other)).toBe(setOf(one));
    expect(setOf(other, 'acme', 'deny')).toBe(setOf(one, 'acme', 'deny'));
    expect(setOf(other, 'third')).toBe(setOf(one, 'fourth'));
    expect(setOf(other, 'third').size).toBe(0);
  });

  test('go by the organization’s default', () => {
    const call = policyCall();
    expect(setOf(empty, 'acme', 'allow').decide(call).allowed).toBe(true);
    expect(setOf(empty, 'acme', 'deny').decide(call).allowed).toBe(false);
  });

  test('lose the one whose next version can’t be used, and the organization is closed instead', () => {
    const before = withPolicies(empty, policy('p', 'acme'), policy('q', 'acme'));
    const after = withPolicies(before, strangePolicy('p', 'acme'));
    expect(setOf(after).size).toBe(1);
    expect(after.snapshot?.failClosed('acme', 'any')?.name).toBe('p');
  });
});

test('a large set is decoded, indexed and swapped in without holding up calls', async () => {
  const count = 10_000;
  const conditions = Array.from({ length: 20 }, (_, index) => `args.amount > ${index}`);
  const rules = Array.from({ length: count }, (_, index) =>
    policy(`p${index}`, 'acme', {
      position: index,
      tools: [`tool-${index % 500}-*`],
      roles: ['agent', `role-${index % 50}`],
      condition: conditions[index % conditions.length] ?? '',
    }),
  );
  const all = [...rules, sealKeyRing()];
  const chunk = (index: number, resources: readonly Resource[], more: object = {}) =>
    contracts.discovery.RangeChunk.deserialize(
      contracts.discovery.RangeChunk.serialize({
        fromRevision: 0,
        toRevision: 1,
        index,
        resources: [...resources],
        ...more,
      }),
    );
  const assembler = new RangeAssembler(1e9);
  let turns = 0;
  const countTurn = (): void => {
    turns += 1;
    timer = setImmediate(countTurn);
  };
  let timer = setImmediate(countTurn);
  try {
    for (let from = 0; from < all.length; from += 1000) {
      await assembler.add(chunk(from / 1000, all.slice(from, from + 1000)));
    }
    const last = Math.ceil(all.length / 1000);
    const commit = { nonce: 'n', digests: digestsOf(all) };
    const outcome = await assembler.add(chunk(last, [], { commit }));
    if (outcome.kind !== 'complete') throw new Error(outcome.kind);
    const context = { epoch: 'e', first: true, replacesAll: true };
    const applied = await applyRange(ResourceState.empty(), outcome.range, context);
    if (applied.kind !== 'applied') throw new Error(applied.kind);
    expect(setOf(applied.state).size).toBe(count);
    const denied = policyCall({
      target: { kind: 'tool', name: 'tool-7-x' },
      args: { amount: 1000 },
    });
    expect(setOf(applied.state).decide(denied).policy?.name).toBe('p7');
  } finally {
    clearImmediate(timer);
  }
  expect(turns).toBeGreaterThan(10);
});
