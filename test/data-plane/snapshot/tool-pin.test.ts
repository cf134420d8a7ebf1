import { describe, expect, test } from '@jest/globals';
import { contracts } from '../../../common/contracts.ts';
import { checkResource, receivedResource } from '../../../data-plane/snapshot/held-resource.ts';
import { ResourceState } from '../../../data-plane/snapshot/resource-state.ts';
import { decodeToolPin } from '../../../data-plane/snapshot/tool-pin-decoder.ts';
import type { ToolPinInput } from '../../../proto/gen/mcpgw/resources/v1/ToolPin.ts';
import { sealKeyRing, toolPin } from '../../support/control-plane-double-resources.ts';

const good = {
  id: 'pin-1',
  organizationId: 'acme',
  serverId: 'files',
  tool: 'delete/all',
  definitionHash: Buffer.alloc(32, 0xab),
  annotations: { title: 'Delete', readOnly: 'HINT_NO', destructive: 'HINT_YES' },
} as const satisfies ToolPinInput;

function decode(fields: ToolPinInput, name = 'pin-1', organizationId = 'acme') {
  const body = contracts.resources.ToolPin.serialize(fields);
  return decodeToolPin({ name, scope: { organizationId, serverIds: ['files'] }, body });
}

describe('a tool pin', () => {
  test('says what was approved, and of hints which are absent', () => {
    const decoded = decode(good);
    expect(decoded.ok && decoded.value).toEqual({
      id: 'pin-1',
      organizationId: 'acme',
      serverId: 'files',
      pin: {
        tool: 'delete/all',
        hash: 'ab'.repeat(32),
        annotations: {
          title: 'Delete',
          readOnly: false,
          destructive: true,
          idempotent: undefined,
          openWorld: undefined,
        },
      },
    });
  });

  test('without annotations has no hint at all', () => {
    const decoded = decode({ ...good, annotations: null });
    expect(decoded.ok && decoded.value.pin.annotations).toEqual({
      title: '',
      readOnly: undefined,
      destructive: undefined,
      idempotent: undefined,
      openWorld: undefined,
    });
  });

  test.each<[string, ToolPinInput, string]>([
    ['of another name', { ...good, id: 'pin-2' }, ''],
    ['of another organization', { ...good, organizationId: 'globex' }, ''],
    ['of no server', { ...good, serverId: '' }, 'server_id'],
    ['of no tool', { ...good, tool: '' }, 'tool'],
    ['of an endless tool', { ...good, tool: 'é'.repeat(1025) }, 'tool'],
    ['with half a hash', { ...good, definitionHash: Buffer.alloc(16) }, 'definition_hash'],
    [
      'with an endless title',
      { ...good, annotations: { title: 'x'.repeat(1001) } },
      'annotations.title',
    ],
    [
      'with a hint of a later build',
      { ...good, annotations: { openWorld: 9 as never } },
      'annotations.open_world',
    ],
  ])('%s is refused', (_, fields, path) => {
    const decoded = decode(fields);
    expect(decoded.ok ? [] : decoded.violations.map((found) => found.path)).toEqual([path]);
  });
});

describe('the pins of a snapshot', () => {
  const put = (fields: Partial<ToolPinInput> & { id?: string } = {}) =>
    checkResource(receivedResource(toolPin({ ...good, ...fields, serverId: 'files' })));

  function stateWith(...pins: { id?: string; tool?: string }[]) {
    const editor = ResourceState.empty().edit();
    editor.put(checkResource(receivedResource(sealKeyRing())));
    for (const pin of pins) editor.put(put(pin));
    return editor.finish('e', 1);
  }

  test('are found by server and tool', () => {
    const snapshot = stateWith({}, { id: 'pin-2', tool: 'read' }).snapshot;
    expect(snapshot?.toolPin('files', 'delete/all')?.hash).toBe('ab'.repeat(32));
    expect(snapshot?.toolPin('files', 'read')?.tool).toBe('read');
    expect(snapshot?.toolPin('files', 'write')).toBeUndefined();
  });

  test('are gone when they are revoked, and a newer approval counts whichever comes first', () => {
    const state = stateWith({});
    const edit = state.edit();
    edit.put(put({ id: 'pin-0', definitionHash: Buffer.alloc(32, 1) }));
    edit.remove('ToolPin', 'pin-1');
    const next = edit.finish('e', 2);
    expect(next.snapshot?.toolPin('files', 'delete/all')?.hash).toBe('01'.repeat(32));
    const last = next.edit();
    last.remove('ToolPin', 'pin-0');
    expect(last.finish('e', 3).snapshot?.toolPin('files', 'delete/all')).toBeUndefined();
    expect(state.snapshot?.toolPin('files', 'delete/all')?.hash).toBe('ab'.repeat(32));
  });

  test('are marked by server, with another mark after each change', () => {
    const state = stateWith({});
    const mark = state.snapshot?.toolPinMark('files');
    expect(mark).toBeDefined();
    expect(state.snapshot?.toolPinMark('other')).toBeUndefined();
    const added = state.edit();
    added.put(put({ id: 'pin-2', tool: 'read' }));
    const removed = state.edit();
    removed.remove('ToolPin', 'pin-1');
    const marks = [added, removed, state.edit()].map((edit) =>
      edit.finish('e', 2).snapshot?.toolPinMark('files'),
    );
    expect(marks.map((one) => one === mark)).toEqual([false, false, true]);
  });
});
