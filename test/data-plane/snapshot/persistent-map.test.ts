import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PersistentMap } from '../../../data-plane/snapshot/persistent-map.ts';

test('a persistent map is at each edit what a Map would be, and stays so', () => {
  const anyEdit = fc.array(
    fc.record({ key: fc.integer({ min: 0, max: 40 }).map(String), value: fc.option(fc.nat()) }),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(fc.array(anyEdit, { maxLength: 6 }), (edits) => {
      let map = PersistentMap.empty<number>();
      const model = new Map<string, number>();
      const history: [PersistentMap<number>, Map<string, number>][] = [];
      for (const edit of edits) {
        const editor = map.edit();
        for (const { key, value } of edit) {
          if (value === null) editor.delete(key);
          else editor.set(key, value);
          if (value === null) model.delete(key);
          else model.set(key, value);
          expect(editor.get(key)).toBe(model.get(key));
        }
        map = editor.finish();
        history.push([map, new Map(model)]);
      }
      for (const [version, expected] of history) {
        expect(version.size).toBe(expected.size);
        expect([...version.values()].sort()).toEqual([...expected.values()].sort());
        for (const [key, value] of expected) expect(version.get(key)).toBe(value);
      }
    }),
  );
});

test('an edit that changes nothing gives the same map', () => {
  const map = PersistentMap.empty<number>();
  const editor = map.edit();
  editor.delete('a');
  expect(editor.finish()).toBe(map);
});
