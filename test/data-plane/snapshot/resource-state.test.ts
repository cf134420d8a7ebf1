import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { contracts } from '../../../common/contracts.ts';
import { applyRange, differingTypes } from '../../../data-plane/snapshot/apply-range.ts';
import { checkResource, receivedResource } from '../../../data-plane/snapshot/held-resource.ts';
import { RangeAssembler } from '../../../data-plane/snapshot/range-assembler.ts';
import { ResourceState } from '../../../data-plane/snapshot/resource-state.ts';
import type { Snapshot } from '../../../data-plane/snapshot/snapshot.ts';
import type { Resource } from '../../../proto/gen/mcpgw/discovery/v1/Resource.ts';
import {
  apiKey,
  digestsOf,
  envelope,
  organization,
  policy,
  sealKeyRing,
  server,
  strangePolicy,
  withheld,
} from '../../support/control-plane-double-resources.ts';
import { policyCall } from '../../support/policy-call.ts';

interface Change {
  readonly put?: readonly Resource[];
  readonly removed?: readonly { type: string; name: string }[];
}

function apply(state: ResourceState, change: Change, epoch = 'e'): ResourceState {
  const editor = state.edit();
  for (const { type, name } of change.removed ?? []) editor.remove(type, name);
  for (const resource of change.put ?? []) editor.put(checkResource(receivedResource(resource)));
  return editor.finish(epoch, state.revision + 1);
}

function stateOf(...resources: Resource[]): ResourceState {
  return apply(ResourceState.empty(), { put: [sealKeyRing(), ...resources] });
}

function snapshotOf(state: ResourceState): Snapshot {
  if (state.snapshot === undefined) throw new Error('the state has no snapshot');
  return state.snapshot;
}

const badServer = (id: string, org: string): Resource =>
  server(id, org, { endpoints: [{ id: 'x', url: 'ftp://127.0.0.1/', weight: 1 }] });

describe('a state', () => {
  test('leaves the snapshot of the revision before as it was', () => {
    const before = stateOf(organization('acme'), apiKey('keyAAAAAAAAA', 'acme'));
    const after = apply(before, { removed: [{ type: 'ApiKey', name: 'keyAAAAAAAAA' }] });
    expect(snapshotOf(before).apiKey('keyAAAAAAAAA')?.organizationId).toBe('acme');
    expect(snapshotOf(after).apiKey('keyAAAAAAAAA')).toBeUndefined();
    expect(snapshotOf(after).organization('acme')?.id).toBe('acme');
  });

  test('finds a server under its new slug only once it is renamed, also when two swap theirs', () => {
    const before = stateOf(server('a', 'acme', { slug: 'x' }), server('b', 'acme', { slug: 'y' }));
    const after = apply(before, {
      put: [server('a', 'acme', { slug: 'y' }), server('b', 'acme', { slug: 'x' })],
    });
    expect(snapshotOf(after).server('acme', 'x')?.id).toBe('b');
    expect(snapshotOf(after).server('acme', 'y')?.id).toBe('a');
    const renamed = apply(after, { put: [server('a', 'acme', { slug: 'z' })] });
    expect(snapshotOf(renamed).server('acme', 'y')).toBeUndefined();
  });

  test('keeps the last good version of a server whose next one is refused', () => {
    const before = stateOf(server('a', 'acme'));
    const after = apply(before, { put: [badServer('a', 'acme')] });
    expect(snapshotOf(after).server('acme', 'a')?.endpoints[0]?.url.href).toBe(
      'http://127.0.0.1:9/mcp',
    );
    expect(after.get('Server', 'a')?.refusal).toMatchObject({ path: 'endpoints[0].url' });
    const gone = apply(after, { removed: [{ type: 'Server', name: 'a' }] });
    expect(snapshotOf(gone).server('acme', 'a')).toBeUndefined();
  });

  test('gives a slug to the current server rather than to the last good version of a refused one', () => {
    const before = stateOf(server('a', 'acme', { slug: 'x' }));
    const after = apply(before, {
      put: [badServer('a', 'acme'), server('b', 'acme', { slug: 'x' })],
    });
    expect(snapshotOf(after).server('acme', 'x')?.id).toBe('b');
    const back = apply(after, { removed: [{ type: 'Server', name: 'b' }] });
    expect(snapshotOf(back).server('acme', 'x')?.id).toBe('a');
  });

  test('goes on sealing with the last ring when it is taken away for none', () => {
    const before = stateOf(organization('acme'));
    const after = apply(before, { removed: [{ type: 'SealKeyRing', name: 'ring' }] });
    expect(snapshotOf(after).sealKeys.primary.id).toBe('k1');
    const next = apply(after, { put: [sealKeyRing('other', 2)] });
    expect(snapshotOf(next).sealKeys.primary.id).toBe('k2');
    expect(snapshotOf(next).sealKeys.find('k1')).toBeUndefined();
  });

  test('remembers why it refused a resource that is withheld later', () => {
    const bad = badServer('a', 'acme');
    const state = apply(stateOf(server('a', 'acme'), bad), { put: [withheld(bad)] });
    expect(state.get('Server', 'a')?.refusal?.path).toBe('endpoints[0].url');
    expect(snapshotOf(state).server('acme', 'a')?.id).toBe('a');
    expect(state.digest('Server').count).toBe(1);
  });

  test('serves nothing without a seal key ring', () => {
    expect(apply(ResourceState.empty(), { put: [organization('acme')] }).snapshot).toBeUndefined();
  });

  test('counts what it received in its digests, whether it can be used or not', () => {
    const set = [sealKeyRing(), badServer('a', 'acme'), withheld(strangePolicy('p', 'acme'))];
    expect(differingTypes(stateOf(...set.slice(1)), digestsOf(set) as never)).toEqual([]);
  });
});

describe('a restriction that can’t be used', () => {
  const cases: [string, Resource][] = [
    ['of an effect that this build doesn’t know', strangePolicy('p', 'acme')],
    [
      'with a body that is no message',
      envelope('Policy', 'p', { organizationId: 'acme', serverIds: [] }, Buffer.from([0xff, 0xff])),
    ],
    [
      'with a version that isn’t its hash',
      { ...strangePolicy('p', 'acme'), version: '0'.repeat(32) },
    ],
    ['that is withheld', withheld(strangePolicy('p', 'acme'))],
    [
      'that limits',
      envelope('RateLimit', 'p', { organizationId: 'acme', serverIds: [] }, Buffer.alloc(0)),
    ],
    [
      'that revokes',
      envelope('Revocation', 'p', { organizationId: 'acme', serverIds: [] }, Buffer.alloc(0)),
    ],
  ];
  test.each(cases)('closes its organization: one %s', (_what, resource) => {
    const snapshot = snapshotOf(stateOf(organization('acme'), organization('other'), resource));
    expect(snapshot.failClosed('acme', 'any')).toEqual({ type: resource.type, name: 'p' });
    expect(snapshot.failClosed('other', 'any')).toBeUndefined();
  });

  test('closes only the servers in its scope, and opens them when it is removed or targets others', () => {
    const closed = stateOf(strangePolicy('p', 'acme', ['a', 'b']));
    expect(snapshotOf(closed).failClosed('acme', 'a')?.name).toBe('p');
    expect(snapshotOf(closed).failClosed('acme', 'c')).toBeUndefined();
    const moved = apply(closed, { put: [strangePolicy('p', 'acme', ['c'])] });
    expect(snapshotOf(moved).failClosed('acme', 'a')).toBeUndefined();
    expect(snapshotOf(moved).failClosed('acme', 'c')?.name).toBe('p');
    const lifted = apply(moved, { removed: [{ type: 'Policy', name: 'p' }] });
    expect(snapshotOf(lifted).failClosed('acme', 'c')).toBeUndefined();
    expect(snapshotOf(closed).failClosed('acme', 'a')?.name).toBe('p');
  });

  test('stays in force as long as another one targets the same server', () => {
    const two = stateOf(strangePolicy('p', 'acme', ['a']), strangePolicy('q', 'acme', ['a']));
    const one = apply(two, { removed: [{ type: 'Policy', name: 'q' }] });
    expect(snapshotOf(one).failClosed('acme', 'a')?.name).toBe('p');
  });

  test('closes everything when it doesn’t say what it targets', () => {
    const snapshot = snapshotOf(stateOf(strangePolicy('p', '')));
    expect(snapshot.failClosed('acme', 'a')?.name).toBe('p');
  });
});

describe('offering again what another build refused', () => {
  test('leaves it out of the digests, keeps it closed, and drops it when it isn’t offered', () => {
    const editor = stateOf(strangePolicy('p', 'acme')).edit();
    editor.withdrawRefused();
    const withdrawn = editor.finish('e', 1);
    expect(withdrawn.digest('Policy').count).toBe(0);
    expect(snapshotOf(withdrawn).failClosed('acme', 'a')?.name).toBe('p');
    const offered = apply(withdrawn, { put: [strangePolicy('p', 'acme')] });
    expect(offered.digest('Policy').count).toBe(1);
    const next = withdrawn.edit();
    next.removeWithdrawn();
    expect(snapshotOf(next.finish('e', 2)).failClosed('acme', 'a')).toBeUndefined();
  });
});

describe('ranges', () => {
  const names = ['a', 'b', 'c', 'd'];
  const keyNames = ['keyAAAAAAAAA', 'keyBBBBBBBBB', 'keyCCCCCCCCC'];
  const anyResource = fc.oneof(
    fc
      .record({ id: fc.constantFrom(...names), slug: fc.constantFrom(...names) })
      .map(({ id, slug }) => server(id, 'acme', { slug })),
    fc
      .record({ id: fc.constantFrom(...names), slug: fc.constantFrom(...names) })
      .map(({ id, slug }) => organization(id, { slug })),
    fc
      .record({ id: fc.constantFrom(...keyNames), label: fc.constantFrom('x', 'y') })
      .map(({ id, label }) => apiKey(id, 'acme', { label })),
    fc
      .record({ id: fc.constantFrom(...names), target: fc.subarray(names) })
      .map(({ id, target }) => strangePolicy(id, 'acme', target)),
    fc
      .record({ id: fc.constantFrom(...names), target: fc.constantFrom(...names) })
      .map(({ id, target }) => policy(id, 'acme', { tools: [target] })),
  );
  const anyName = fc.oneof(
    fc.record({
      type: fc.constantFrom('Server', 'Organization', 'Policy'),
      name: fc.constantFrom(...names),
    }),
    fc.record({ type: fc.constant('ApiKey'), name: fc.constantFrom(...keyNames) }),
  );
  const anyRange = fc.record({
    put: fc.array(anyResource, { maxLength: 6 }),
    removed: fc.array(anyName, { maxLength: 4 }),
  });

  function deniesTool(snapshot: Snapshot, name: string): boolean {
    const set = snapshot.policies({ id: 'acme', policyDefault: 'allow' });
    return !set.decide(policyCall({ target: { kind: 'tool', name } })).allowed;
  }

  function view(state: ResourceState): unknown {
    const snapshot = snapshotOf(state);
    return {
      organizations: names.map((slug) => snapshot.organization(slug)?.id),
      servers: names.map((slug) => snapshot.server('acme', slug)?.id),
      keys: keyNames.map((id) => snapshot.apiKey(id)?.label),
      denied: names.map((name) => deniesTool(snapshot, name)),
      closed: names.map((id) => snapshot.failClosed('acme', id) !== undefined),
      digests: ['Server', 'Organization', 'ApiKey', 'Policy'].map((type) => [
        state.digest(type).count,
        state.digest(type).bytes.toString('hex'),
      ]),
      refused: [...state.refused()].map(({ received }) => received.name).sort(),
    };
  }

  test('lead to the same state as building it from scratch from what they left', () => {
    fc.assert(
      fc.property(fc.array(anyRange, { maxLength: 8 }), (ranges) => {
        let state = stateOf();
        const held = new Map<string, Resource>();
        for (const range of ranges) {
          state = apply(state, range);
          for (const { type, name } of range.removed) held.delete(`${type}/${name}`);
          for (const resource of range.put) held.set(`${resource.type}/${resource.name}`, resource);
        }
        expect(view(state)).toEqual(view(stateOf(...held.values())));
      }),
      { numRuns: 300 },
    );
  });

  test('survive being written down and read again, last good versions included', () => {
    const anyOrBad = fc.oneof(
      anyResource,
      fc.constantFrom(...names).map((id) => badServer(id, 'acme')),
    );
    fc.assert(
      fc.property(fc.array(fc.array(anyOrBad, { maxLength: 5 }), { maxLength: 6 }), (puts) => {
        let state = stateOf();
        for (const put of puts) state = apply(state, { put });
        const editor = ResourceState.empty().edit();
        for (const received of state.received()) editor.put(checkResource(received));
        expect(view(editor.finish('e', state.revision))).toEqual(view(state));
      }),
      { numRuns: 300 },
    );
  });

  test('are refused when they would roll back or leave revisions out', async () => {
    const state = stateOf();
    const commit = {
      nonce: 'n',
      systemVersionInfo: '',
      digests: digestsOf([sealKeyRing()]) as never,
    };
    const range = (from: number, to: number) => ({
      fromRevision: from,
      toRevision: to,
      resources: [],
      removed: [],
      commit,
    });
    const context = { epoch: 'e', first: false, replacesAll: false };
    expect((await applyRange(state, range(0, 0), context)).kind).toBe('refused');
    expect((await applyRange(state, range(2, 3), context)).kind).toBe('refused');
    expect((await applyRange(state, range(0, 3), context)).kind).toBe('applied');
    expect((await applyRange(state, range(0, 0), { ...context, epoch: 'other' })).kind).toBe(
      'applied',
    );
  });

  test('whose result differs from the commit’s digests are not taken', async () => {
    const state = stateOf(organization('acme'));
    const commit = {
      nonce: 'n',
      systemVersionInfo: '',
      digests: digestsOf([sealKeyRing()]) as never,
    };
    const outcome = await applyRange(
      state,
      { fromRevision: 1, toRevision: 2, resources: [], removed: [], commit },
      { epoch: 'e', first: true, replacesAll: false },
    );
    expect(outcome).toEqual({ kind: 'digest_mismatch', types: ['Organization'] });
  });
});

describe('the range assembler', () => {
  const chunk = (index: number, more: object = {}) =>
    contracts.discovery.RangeChunk.deserialize(
      contracts.discovery.RangeChunk.serialize({ fromRevision: 1, toRevision: 2, index, ...more }),
    );

  test('hands out nothing before the commit marker', async () => {
    const assembler = new RangeAssembler(1e6);
    const first = await assembler.add(chunk(0, { resources: [organization('a')] }));
    expect(first.kind).toBe('incomplete');
    const outcome = await assembler.add(chunk(1, { commit: { nonce: 'n' } }));
    expect(outcome.kind === 'complete' && outcome.range.resources.length).toBe(1);
  });

  test.each([
    ['a chunk is missing', chunk(2)],
    ['a chunk is of another range', chunk(1, { toRevision: 3 })],
    [
      'it is too large',
      chunk(1, { resources: Array.from({ length: 100 }, () => organization('a')) }),
    ],
  ])('gives a range up when %s', async (_what, bad) => {
    const assembler = new RangeAssembler(20_000);
    await assembler.add(chunk(0));
    expect((await assembler.add(bad)).kind).toBe('violation');
    expect((await assembler.add(chunk(0, { commit: { nonce: 'n' } }))).kind).toBe('complete');
  });
});
