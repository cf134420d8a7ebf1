import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ResourceDigest } from '../../../common/resource-digest.ts';
import { resourceTypes } from '../../../common/resource-types.ts';
import type { CompiledResource } from '../../../control-plane/snapshot/compiled-resource.ts';
import { resourceKey } from '../../../control-plane/snapshot/compiled-resource.ts';
import { ConfigModel } from '../../../control-plane/snapshot/config-model.ts';
import type { GroupRow, GroupView } from '../../../control-plane/snapshot/group-view.ts';
import { organizationResource } from '../../../control-plane/snapshot/organization-resource.ts';
import { rangeFromVersions, rangeSince } from '../../../control-plane/snapshot/revision-range.ts';
import { sealKeyRingResource } from '../../../control-plane/snapshot/seal-key-ring-resource.ts';
import { serverResource } from '../../../control-plane/snapshot/server-resource.ts';
import { policyColumns } from '../../support/policy-settings.ts';

const allTypes: ReadonlySet<string> = new Set(resourceTypes);

function group(id: string, organizationIds: string[] | 'all'): GroupRow {
  const servesAll = organizationIds === 'all';
  return { id, name: id, servesAll, organizationIds: new Set(servesAll ? [] : organizationIds) };
}

function organization(id: string, slug = id) {
  return {
    source: `organization/${id}`,
    resource: organizationResource({
      id,
      slug,
      enabled: true,
      mustAudit: false,
      allowedOrigins: [],
      staleAfterSeconds: null,
      ...policyColumns,
    }),
  };
}

function server(id: string, organizationId: string, url = 'http://127.0.0.1/mcp') {
  return {
    source: `mcp_server/${id}`,
    resource: serverResource({
      id,
      organizationId,
      slug: id,
      enabled: true,
      transport: 'TRANSPORT_STREAMABLE_HTTP',
      era: undefined,
      endpoints: [{ id: 'e', url, weight: 1 }],
      credential: undefined,
      connectTimeoutMs: 0,
      requestTimeoutMs: 0,
      labels: {},
    }),
  };
}

function ring(groupId: string) {
  return {
    source: `seal_key_ring/${groupId}`,
    resource: sealKeyRingResource(groupId, [{ keyId: '1', key: Buffer.alloc(32), primary: true }]),
  };
}

function names(view: GroupView | undefined): string[] {
  return [...(view?.resources() ?? [])].map(({ type, name }) => resourceKey(type, name)).sort();
}

/** A node that applies ranges, as the contract says. */
class Node {
  held = new Map<string, CompiledResource>();
  revision = 0;

  apply(range: NonNullable<ReturnType<typeof rangeSince>>): void {
    expect(range.fromRevision).toBe(this.revision);
    for (const resource of range.resources) {
      this.held.set(resourceKey(resource.type, resource.name), resource);
    }
    for (const { type, name } of range.removed) this.held.delete(resourceKey(type, name));
    this.revision = range.toRevision;
    for (const { type, digest, count } of range.digests) {
      const mine = new ResourceDigest();
      for (const resource of this.held.values()) {
        if (resource.type === type) mine.add(resource.name, resource.version);
      }
      expect({ type, count, digest: digest.toString('hex') }).toEqual({
        type,
        count: mine.count,
        digest: mine.bytes().toString('hex'),
      });
    }
  }

  versions(): Map<string, Map<string, string>> {
    const lists = new Map<string, Map<string, string>>(resourceTypes.map((t) => [t, new Map()]));
    for (const { type, name, version } of this.held.values()) lists.get(type)?.set(name, version);
    return lists;
  }
}

describe('config model', () => {
  test('a group holds its organizations and its own ring, nothing of another group', () => {
    const model = new ConfigModel('epoch', 1, 100);
    model.apply({
      toRevision: 1,
      sources: [organization('a'), organization('b'), server('s', 'b'), ring('g1'), ring('g2')],
      groups: [group('g1', ['a']), group('g2', 'all')],
    });
    expect(names(model.group('g1'))).toEqual(['Organization/a', 'SealKeyRing/g1']);
    expect(names(model.group('g2'))).toEqual(
      ['Organization/a', 'Organization/b', 'Server/s', 'SealKeyRing/g2'].sort(),
    );
  });

  test('moving an organization between groups takes and gives all that is its own', () => {
    const model = new ConfigModel('epoch', 1, 100);
    model.apply({
      toRevision: 1,
      sources: [organization('a'), server('s', 'a')],
      groups: [group('g1', ['a']), group('g2', [])],
    });
    model.apply({ toRevision: 2, sources: [], groups: [group('g1', []), group('g2', ['a'])] });
    expect(names(model.group('g1'))).toEqual([]);
    expect(names(model.group('g2'))).toEqual(['Organization/a', 'Server/s']);
    const view = model.group('g1');
    const range = view && rangeSince(view, { fromRevision: 1, toRevision: 2 }, allTypes);
    expect(range?.removed.map(({ name }) => name).sort()).toEqual(['a', 's']);
  });

  test('deleting an organization removes what was its own without an entry for each', () => {
    const model = new ConfigModel('epoch', 1, 100);
    model.apply({
      toRevision: 1,
      sources: [organization('a'), server('s', 'a'), organization('b')],
      groups: [group('g', 'all')],
    });
    model.apply({
      toRevision: 2,
      sources: [{ source: 'organization/a', resource: undefined }],
      groups: undefined,
    });
    expect(names(model.group('g'))).toEqual(['Organization/b']);
    expect(model.size).toBe(1);
  });

  test('a log that was cut says so instead of sending less', () => {
    const model = new ConfigModel('epoch', 1, 2);
    model.apply({ toRevision: 1, sources: [organization('a')], groups: [group('g', 'all')] });
    for (let revision = 2; revision <= 5; revision += 1) {
      const source = organization('a', `slug-${revision}`);
      model.apply({ toRevision: revision, sources: [source], groups: undefined });
    }
    const view = model.group('g') as GroupView;
    expect(rangeSince(view, { fromRevision: 2, toRevision: 5 }, allTypes)).toBeUndefined();
    expect(rangeSince(view, { fromRevision: 3, toRevision: 5 }, allTypes)?.resources).toHaveLength(
      1,
    );
    expect(rangeSince(view, { fromRevision: 5, toRevision: 5 }, allTypes)?.resources).toEqual([]);
  });

  test('sends only types that the node understands', () => {
    const model = new ConfigModel('epoch', 1, 100);
    model.apply({
      toRevision: 1,
      sources: [organization('a'), server('s', 'a')],
      groups: [group('g', 'all')],
    });
    const view = model.group('g') as GroupView;
    const types = new Set(['Server']);
    const held = new Map([['Server', new Map<string, string>()]]);
    const range = rangeFromVersions(view, { fromRevision: 0, toRevision: 1 }, types, held);
    expect(range.resources.map(({ type }) => type)).toEqual(['Server']);
    expect(range.digests.map(({ type }) => type)).toEqual(['Server']);
  });

  test('whatever changes, nodes that follow by log or by version lists end with the group’s state', () => {
    const ids = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), id: ids, url: fc.constantFrom('1', '2') }),
      fc.record({ kind: fc.constant('drop' as const), id: ids }),
      fc.record({ kind: fc.constant('move' as const), to: fc.subarray(['a', 'b', 'c']) }),
      fc.record({ kind: fc.constant('read' as const) }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        fc.integer({ min: 1, max: 8 }),
        (steps, log) => {
          const model = new ConfigModel('epoch', 1, log);
          model.apply({
            toRevision: 1,
            sources: [organization('a'), organization('b'), organization('c'), ring('g')],
            groups: [group('g', ['a'])],
          });
          const node = new Node();
          let revision = 1;
          const read = () => {
            const view = model.group('g') as GroupView;
            const bounds = { fromRevision: node.revision, toRevision: revision };
            node.apply(
              (node.revision > 0 ? rangeSince(view, bounds, allTypes) : undefined) ??
                rangeFromVersions(view, bounds, allTypes, node.versions()),
            );
            expect([...node.held.keys()].sort()).toEqual(names(view));
          };
          for (const one of steps) {
            if (one.kind === 'read') {
              read();
              continue;
            }
            revision += 1;
            const sources =
              one.kind === 'set'
                ? [server(`s-${one.id}`, one.id, `http://127.0.0.1/${one.url}`)]
                : one.kind === 'drop'
                  ? [{ source: `mcp_server/s-${one.id}`, resource: undefined }]
                  : [];
            const groups = one.kind === 'move' ? [group('g', one.to)] : undefined;
            model.apply({ toRevision: revision, sources, groups });
          }
          read();
        },
      ),
      { numRuns: 200 },
    );
  });
});
