import { describe, expect, test } from '@jest/globals';
import { RejectionRegistry } from '../../../control-plane/discovery/rejection-registry.ts';

function rejection(name: string, version = 'v1') {
  return { type: 'Policy', name, version, path: 'condition', message: 'not understood' };
}

describe('rejections', () => {
  test('hold for the version, the build and the group that they came from', () => {
    const registry = new RejectionRegistry({ buildsMax: 4, rejectionsMax: 4 });
    registry.add('group', 'build', rejection('a'));
    expect(registry.find('group', 'build', rejection('a'))?.path).toBe('condition');
    expect(registry.find('group', 'build', rejection('a', 'v2'))).toBeUndefined();
    expect(registry.find('group', 'newer', rejection('a'))).toBeUndefined();
    expect(registry.find('other', 'build', rejection('a'))).toBeUndefined();
    registry.add('group', 'build', rejection('a', 'v2'));
    expect(registry.find('group', 'build', rejection('a'))).toBeUndefined();
    expect(registry.find('group', 'build', rejection('a', 'v2'))).toBeDefined();
  });

  test('are bounded: the oldest are forgotten, of builds those not heard of for longest', () => {
    const registry = new RejectionRegistry({ buildsMax: 2, rejectionsMax: 2 });
    for (const name of ['a', 'b', 'c']) registry.add('group', 'one', rejection(name));
    expect(registry.find('group', 'one', rejection('a'))).toBeUndefined();
    expect(registry.find('group', 'one', rejection('c'))).toBeDefined();
    registry.add('group', 'two', rejection('a'));
    registry.add('group', 'one', rejection('c'));
    registry.add('group', 'three', rejection('a'));
    expect(registry.find('group', 'two', rejection('a'))).toBeUndefined();
    expect(registry.find('group', 'one', rejection('c'))).toBeDefined();
  });
});
