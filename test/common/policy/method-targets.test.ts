import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import * as legacySchemas from '@modelcontextprotocol/sdk/types.js';
import {
  callTargets,
  carriesArguments,
  methodTable,
  targetKindsOf,
  targetNameCharsMax,
  targetResourcesMax,
} from '../../../common/policy/method-targets.ts';

/** The schemas of the modern SDK, which its client keeps in a package of its own. */
async function modernSchemas(): Promise<object> {
  const client = createRequire(import.meta.url).resolve('@modelcontextprotocol/client');
  const core = createRequire(client).resolve('@modelcontextprotocol/core');
  return (await import(pathToFileURL(core).href)) as object;
}

/** Methods of all messages that an SDK has a schema for. */
function methodsOf(schemas: object): readonly string[] {
  return Object.entries(schemas).flatMap(([name, schema]) => {
    if (!/(?:Request|Notification)Schema$/.test(name)) return [];
    const { shape } = schema as { shape?: { method?: { value?: unknown } } };
    // A few are about messages in general, whose method is any text.
    const method = shape?.method;
    return method !== undefined && 'value' in method && typeof method.value === 'string'
      ? [method.value]
      : [];
  });
}

test.each([
  ['legacy', async () => legacySchemas, 31],
  ['modern', modernSchemas, 31],
] as const)('every method of the %s SDK has a row', async (_, load, atLeast) => {
  const methods = new Set(methodsOf(await load()));
  expect(methods.size).toBeGreaterThanOrEqual(atLeast);
  expect([...methods].filter((method) => !methodTable.has(method))).toEqual([]);
});

test('every row is of a method that an SDK knows, or of the tasks extension', async () => {
  const known = new Set([...methodsOf(legacySchemas), ...methodsOf(await modernSchemas())]);
  const unknown = [...methodTable.keys()].filter((method) => !known.has(method));
  expect(unknown).toEqual(['tasks/update']);
});

const tool = { kind: 'tool', name: 'read' };
const prompt = { kind: 'prompt', name: 'greet' };
const resource = { kind: 'resource', name: 'file:///a' };
const list = { kind: 'list' };
const method = { kind: 'method' };
const implicit = { kind: 'implicit' };

describe('what a message of a client is about', () => {
  test.each([
    ['tools/call', { name: 'read' }, [tool]],
    ['prompts/get', { name: 'greet' }, [prompt]],
    ['resources/read', { uri: 'FILE:///b/../a' }, [resource]],
    ['resources/subscribe', { uri: 'file:///a' }, [resource]],
    ['resources/unsubscribe', { uri: 'file:///a' }, [resource]],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'greet' } }, [prompt]],
    ['completion/complete', { ref: { type: 'ref/resource', uri: 'file:///a' } }, [resource]],
    [
      'completion/complete',
      { ref: { type: 'ref/resource', uri: 'file:///{a}#{b}' } },
      [{ kind: 'resource', name: 'file:///{a}#{b}' }],
    ],
    [
      'resources/read',
      { uri: 'file:///a/..%2fb' },
      [
        { kind: 'resource', name: 'file:///a/..%2Fb' },
        { kind: 'resource', name: 'file:///b' },
      ],
    ],
    ['subscriptions/listen', { notifications: { toolsListChanged: true } }, [list]],
    [
      'subscriptions/listen',
      { notifications: { resourceSubscriptions: ['file:///a', 'note://x'] } },
      [list, resource, { kind: 'resource', name: 'note://x' }],
    ],
    ['tools/list', {}, [list]],
    ['resources/list', {}, [list]],
    ['resources/templates/list', {}, [list]],
    ['prompts/list', {}, [list]],
    ['tasks/list', {}, [list]],
    ['logging/setLevel', {}, [method]],
    ['acme/own', { name: 'read' }, [method]],
    ['constructor', {}, [method]],
    ['initialize', {}, [implicit]],
    ['server/discover', {}, [implicit]],
    ['ping', {}, [implicit]],
    ['notifications/cancelled', {}, [implicit]],
    ['notifications/initialized', {}, [implicit]],
    ['notifications/progress', {}, [implicit]],
    ['notifications/roots/list_changed', {}, [implicit]],
    // A client has no business with what only servers send.
    ['sampling/createMessage', {}, [method]],
    ['notifications/message', {}, [method]],
  ])('%s %j', (name, params, targets) => {
    const found = callTargets(name, params, undefined);
    expect(found).toEqual(targets);
    const kinds = targetKindsOf(name);
    for (const { kind } of found ?? []) {
      expect(methodTable.get(name)?.from === 'server' ? ['method'] : kinds).toContain(kind);
    }
  });

  test.each(['tasks/get', 'tasks/result', 'tasks/cancel', 'tasks/update'])(
    '%s is about the tool that made the task',
    (name) => {
      expect(callTargets(name, { taskId: 'x' }, 'read')).toEqual([tool]);
      expect(callTargets(name, { taskId: 'x' }, undefined)).toBeUndefined();
    },
  );
});

describe('a message that does not say what it is about can’t be decided', () => {
  test.each([
    ['tools/call', {}],
    ['tools/call', { name: 5 }],
    ['tools/call', { name: ['read'] }],
    ['tools/call', { name: '' }],
    ['tools/call', { name: 'x'.repeat(targetNameCharsMax + 1) }],
    ['prompts/get', { name: null }],
    ['resources/read', { uri: { href: 'file:///a' } }],
    ['resources/read', { url: 'file:///a' }],
    ['resources/subscribe', {}],
    ['completion/complete', {}],
    ['completion/complete', { ref: 'greet' }],
    ['completion/complete', { ref: { type: 'ref/tool', name: 'read' } }],
    ['completion/complete', { ref: { type: 'ref/prompt', uri: 'x:y' } }],
    ['completion/complete', { ref: { type: 'ref/resource', name: 'greet' } }],
    ['subscriptions/listen', {}],
    ['subscriptions/listen', { notifications: [] }],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: 'file:///a' } }],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: [7] } }],
    [
      'subscriptions/listen',
      { notifications: { resourceSubscriptions: Array(targetResourcesMax + 1).fill('x:y') } },
    ],
  ])('%s %#', (name, params) => expect(callTargets(name, params, undefined)).toBeUndefined());
});

test('only what is called with arguments carries them', () => {
  const carrying = [...methodTable.keys()].filter(carriesArguments);
  expect(carrying).toEqual(['tools/call', 'prompts/get']);
});
