import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { rangeChunks } from '../../../control-plane/discovery/range-chunks.ts';
import {
  type CompiledResource,
  compiledResource,
} from '../../../control-plane/snapshot/compiled-resource.ts';
import type { RevisionRange } from '../../../control-plane/snapshot/revision-range.ts';

function resource(name: string, bytes: number): CompiledResource {
  const scope = { organizationId: 'o', serverIds: [] };
  return compiledResource({ type: 'ApiKey', name, scope, body: Buffer.alloc(bytes, 1) });
}

function range(resources: CompiledResource[], removed: string[] = []): RevisionRange {
  return {
    fromRevision: 3,
    toRevision: 9,
    resources,
    removed: removed.map((name) => ({ type: 'ApiKey', name })),
    digests: [],
  };
}

const options = { chunkBytes: 1000, commit: { nonce: 'n' }, withheld: () => false };

describe('the chunks of a range', () => {
  test('nothing is one chunk with the commit marker', () => {
    expect([...rangeChunks(range([]), options)]).toEqual([
      {
        fromRevision: 3,
        toRevision: 9,
        index: 0,
        resources: [],
        removedResources: [],
        commit: { nonce: 'n' },
      },
    ]);
  });

  test('a withheld resource keeps its envelope and loses its body', () => {
    const withheld = rangeChunks(range([resource('a', 10)]), { ...options, withheld: () => true });
    const [sent] = [...withheld].flatMap((chunk) => chunk.resources ?? []);
    expect(sent).toMatchObject({ name: 'a', withheld: true, body: Buffer.alloc(0) });
    expect(sent?.version).toHaveLength(32);
  });

  test('whatever the sizes: everything once, in order, bounded, the marker last', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 40 }),
        fc.nat({ max: 40 }),
        (sizes, removedCount) => {
          const resources = sizes.map((size, index) => resource(`r${index}`, size));
          const removed = Array.from({ length: removedCount }, (_, index) => `x${index}`);
          const chunks = [...rangeChunks(range(resources, removed), options)];
          expect(chunks.map(({ index }) => index)).toEqual(chunks.map((_, index) => index));
          expect(chunks.map(({ commit }) => commit !== null)).toEqual(
            chunks.map((_, index) => index === chunks.length - 1),
          );
          const names = chunks.flatMap((chunk) => chunk.resources ?? []).map(({ name }) => name);
          expect(names).toEqual(resources.map(({ name }) => name));
          const gone = chunks.flatMap((chunk) => chunk.removedResources ?? []);
          expect(gone.map(({ name }) => name)).toEqual(removed);
          for (const chunk of chunks) {
            const bytes = (chunk.resources ?? []).map(({ body }) => (body as Buffer).length);
            const total = bytes.reduce((sum, size) => sum + size, 0);
            expect(total <= options.chunkBytes || bytes.length === 1).toBe(true);
          }
        },
      ),
    );
  });
});
