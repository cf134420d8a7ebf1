import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openSession, sealSession } from '../../../data-plane/identity/sealed-session.ts';
import { openTask, sealTask } from '../../../data-plane/identity/sealed-task.ts';
import { openText, type SealScope, sealText } from '../../../data-plane/identity/sealed-text.ts';
import type { SealKeyEntry, SealKeyRing } from '../../../data-plane/snapshot/seal-key-ring.ts';

function entry(id: string): SealKeyEntry {
  return { id, key: randomBytes(32) };
}

function ring(primary: SealKeyEntry, ...others: SealKeyEntry[]): SealKeyRing {
  return { primary, find: (id) => [primary, ...others].find((key) => key.id === id) };
}

const scope: SealScope = { purpose: 'task', subject: 'user:1', serverId: 'server-1' };
const first = entry('a');
const keys = ring(first);

describe('a sealed text', () => {
  test('opens to what it was, in printable characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const sealed = sealText(keys, scope, text);
        expect(sealed).toMatch(/^a\.[A-Za-z0-9_-]+$/);
        expect(openText(keys, scope, sealed)).toBe(text);
      }),
    );
  });

  test.each([
    ['another subject', { ...scope, subject: 'user:2' }],
    ['another server', { ...scope, serverId: 'server-2' }],
    ['another purpose', { ...scope, purpose: 'session' as const }],
    ['fields that only look alike', { ...scope, subject: 'user:1","server-1' }],
  ])('stays shut for %s', (_case, other) => {
    expect(openText(keys, other, sealText(keys, scope, 'secret'))).toBeUndefined();
  });

  test('stays shut when any character of it is changed, and never throws', () => {
    const sealed = sealText(keys, scope, 'secret');
    fc.assert(
      fc.property(
        fc.nat(sealed.length - 1),
        fc.string({ minLength: 1, maxLength: 1 }),
        (at, letter) => {
          const other = sealed.slice(0, at) + letter + sealed.slice(at + 1);
          fc.pre(other !== sealed);
          expect(openText(keys, scope, other)).toBeUndefined();
        },
      ),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(openText(keys, scope, `a.${text}`)).toBeUndefined();
      }),
    );
  });

  test('is the same each time for its caller, so that a task keeps its id', () => {
    expect(sealText(keys, scope, 'task-1')).toBe(sealText(keys, scope, 'task-1'));
    expect(sealText(keys, scope, 'task-1')).not.toBe(sealText(keys, scope, 'task-2'));
  });

  test('outlives a rotation of keys, and ends with its key', () => {
    const sealed = sealText(keys, scope, 'secret');
    expect(openText(ring(entry('b'), first), scope, sealed)).toBe('secret');
    expect(openText(ring(entry('b')), scope, sealed)).toBeUndefined();
  });
});

describe('a sealed session', () => {
  test.each([[[]], [['tools']], [['tools', 'resources']]])(
    'brings back upstream session, endpoint, version, client and announced lists %j',
    (listChanged) => {
      const state = {
        upstreamSession: 's-1',
        endpointId: 'e-1',
        protocolVersion: '2025-11-25',
        listChanged,
        client: { name: 'desk', version: '1.2' },
      };
      const id = sealSession(keys, 'user:1', 'server-1', state);
      expect(openSession(keys, 'user:1', 'server-1', id)).toEqual(state);
      expect(openSession(keys, 'user:2', 'server-1', id)).toBeUndefined();
      expect(openSession(keys, 'user:1', 'server-2', id)).toBeUndefined();
    },
  );

  test('of an older build promises no announcements', () => {
    const scope = { purpose: 'session', subject: 'user:1', serverId: 'server-1' } as const;
    const id = sealText(keys, scope, JSON.stringify(['s-1', 'e-1', '2025-11-25']));
    expect(openSession(keys, 'user:1', 'server-1', id)).toMatchObject({
      upstreamSession: 's-1',
      listChanged: [],
    });
  });
});

describe('a sealed task', () => {
  const scope = { subject: 'user:1', serverId: 'server-1' };

  test('brings back the upstream’s id and the tool, to this caller at this server alone', () => {
    const task = { taskId: 'up-1', tool: 'long_job' };
    const id = sealTask(keys, scope, task);
    expect(sealTask(keys, scope, task)).toBe(id);
    expect(openTask(keys, scope, id)).toEqual(task);
    expect(openTask(keys, { ...scope, subject: 'user:2' }, id)).toBeUndefined();
    expect(openTask(keys, { ...scope, serverId: 'server-2' }, id)).toBeUndefined();
    expect(openTask(keys, scope, 'made-up')).toBeUndefined();
  });

  test.each(['up-1', '17', '"up"', '[up'])(
    'of an older build, %s, is of no known tool',
    (taskId) => {
      const id = sealText(keys, { ...scope, purpose: 'task' }, taskId);
      expect(openTask(keys, scope, id)).toEqual({ taskId, tool: '' });
    },
  );
});
