import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ResourceDigest } from '../../common/resource-digest.ts';

const pairs = fc.uniqueArray(fc.tuple(fc.string(), fc.string()), {
  selector: ([name]) => name,
  maxLength: 20,
});

function digestOf(set: readonly (readonly [string, string])[]): ResourceDigest {
  const digest = new ResourceDigest();
  for (const [name, version] of set) digest.add(name, version);
  return digest;
}

test('the order of additions does not matter, and removals undo them', () => {
  fc.assert(
    fc.property(pairs, pairs, (kept, removed) => {
      const digest = digestOf([...removed, ...kept]);
      for (const [name, version] of removed) digest.remove(name, version);
      expect(digest.bytes()).toEqual(digestOf([...kept].reverse()).bytes());
      expect(digest.count).toBe(kept.length);
    }),
  );
});

test('another version is another digest', () => {
  expect(digestOf([['a', '1']]).bytes()).not.toEqual(digestOf([['a', '2']]).bytes());
});

test('a clone is independent', () => {
  const digest = digestOf([['a', '1']]);
  const copy = digest.clone();
  digest.add('b', '1');
  expect(copy.bytes()).toEqual(digestOf([['a', '1']]).bytes());
});
