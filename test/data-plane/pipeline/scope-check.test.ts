import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toolScope } from '../../../common/scope.ts';
import { readMessage } from '../../../data-plane/mcp/message.ts';
import { missingScopes } from '../../../data-plane/pipeline/scope-check.ts';

function message(method: string, params: object = {}) {
  const read = readMessage({ jsonrpc: '2.0', id: 1, method, params });
  if (read === undefined) throw new Error('no message');
  return read;
}

/** Undefined: covered. */
function missing(scopes: readonly string[], method: string, params: object = {}, taskTool = '') {
  const messages = [message(method, params)];
  return missingScopes({ server: 'files', messages, taskTool }, scopes);
}

const call = (name: unknown) => ['tools/call', { name }] as const;

describe('scopes', () => {
  test.each([['mcp:*'], ['mcp:files']])('%s covers everything of the server', (scope) => {
    for (const method of [
      'tools/call',
      'resources/read',
      'tasks/get',
      'completion/complete',
      'x',
    ]) {
      expect(missing([scope], method, { name: 'a', uri: 'b' })).toBeUndefined();
    }
    expect(missingScopes({ server: 'files', messages: [], taskTool: '' }, [scope])).toBeUndefined();
  });

  test.each([
    [[]],
    [['admin', 'admin:read']],
    [['openid', 'mcp', 'mcp:', 'MCP:files', 'mcp:files:', 'mcp:file', 'mcp:filesystem']],
    [['mcp:other', 'mcp:other:read']],
  ])('%j cover nothing of it, not even the handshake', (scopes) => {
    for (const method of ['initialize', 'ping', 'tools/list', 'resources/list']) {
      expect(missing(scopes, method)).toEqual(['mcp:files']);
    }
    expect(missing(scopes, ...call('read'))).toEqual(['mcp:files:read']);
    expect(missingScopes({ server: 'files', messages: [], taskTool: '' }, scopes)).toEqual([
      'mcp:files',
    ]);
  });

  const readOnly = ['mcp:files:read', 'mcp:files:stat', 'mcp:other:write'];

  test.each([
    ['initialize', {}],
    ['ping', {}],
    ['server/discover', {}],
    ['tools/list', {}],
    ['logging/setLevel', { level: 'info' }],
    ['tools/call', { name: 'read' }],
    ['tools/call', { name: 'stat' }],
    ['subscriptions/listen', { notifications: { toolsListChanged: true } }],
    [
      'subscriptions/listen',
      { notifications: { toolsListChanged: true, promptsListChanged: false } },
    ],
  ])('of tools cover %s %j', (method, params) => {
    expect(missing(readOnly, method, params)).toBeUndefined();
  });

  test('of tools cover notifications, answers and streams of the session', () => {
    const notification = readMessage({ jsonrpc: '2.0', method: 'notifications/cancelled' });
    const response = readMessage({ jsonrpc: '2.0', id: 4, result: {} });
    if (notification === undefined || response === undefined) throw new Error('no message');
    const messages = [notification, response];
    expect(missingScopes({ server: 'files', messages, taskTool: '' }, readOnly)).toBeUndefined();
    expect(
      missingScopes({ server: 'files', messages: [], taskTool: '' }, readOnly),
    ).toBeUndefined();
  });

  test.each([
    ['prompts/list', {}],
    ['prompts/get', { name: 'read' }],
    ['resources/read', { uri: 'read' }],
    ['resources/subscribe', { uri: 'read' }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'read' } }],
    ['tasks/get', { taskId: 't' }],
    ['sampling/createMessage', {}],
    ['tools/callback', { name: 'read' }],
    ['tools/call', { name: ['read'] }],
    ['tools/call', {}],
    ['subscriptions/listen', {}],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: ['file:///a'] } }],
    ['subscriptions/listen', { notifications: { promptsListChanged: true } }],
  ])('of tools don’t cover %s %j', (method, params) => {
    expect(missing(readOnly, method, params)).toEqual(['mcp:files']);
  });

  test('that a call lacks are named with those that the caller has for this server', () => {
    expect(missing(readOnly, ...call('write'))).toEqual([
      'mcp:files:read',
      'mcp:files:stat',
      'mcp:files:write',
    ]);
    expect(missing(readOnly, ...call('a b/c'))?.at(-1)).toBe('mcp:files:a%20b/c');
    // No scope can name it.
    expect(missing(readOnly, ...call('x'.repeat(400)))).toEqual(['mcp:files']);
  });

  test('of a tool cover what is asked about the tasks that its calls make', () => {
    for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel', 'tasks/update']) {
      expect(missing(readOnly, method, { taskId: 't' }, 'read')).toBeUndefined();
      expect(missing(readOnly, method, { taskId: 't' }, 'write')).toContain('mcp:files:write');
    }
    // The tool of a task says nothing of other methods.
    expect(missing(readOnly, 'resources/read', { uri: 'a' }, 'read')).toEqual(['mcp:files']);
  });

  test('are asked of each message of a batch', () => {
    const batch = [message('ping'), message('tools/call', { name: 'write' }), message('ping')];
    expect(missingScopes({ server: 'files', messages: batch, taskTool: '' }, readOnly)).toContain(
      'mcp:files:write',
    );
    expect(
      missingScopes({ server: 'files', messages: batch.slice(0, 1), taskTool: '' }, readOnly),
    ).toBe(undefined);
  });

  test('cover exactly the tools that they name', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 20 })),
        fc.string({ maxLength: 20 }),
        (names, name) => {
          const scopes = names.map((tool) => toolScope('files', tool));
          const covered = missing(scopes, ...call(name)) === undefined;
          expect(covered).toBe(name !== '' && names.map((n) => n.toWellFormed()).includes(name));
        },
      ),
    );
  });
});
