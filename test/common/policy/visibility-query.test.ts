import { describe, expect, test } from '@jest/globals';
import type { ItemTarget } from '../../../common/policy/visibility-query.ts';
import { readLine } from './decision-notation.ts';

/** A query by the caller of a line `policies | default | method [field=value]…`. */
function queryOf(line: string) {
  const { set, calls } = readLine(`${line} | `);
  const [call] = calls;
  if (call === undefined) throw new Error('nobody asks');
  return set.visibility(call);
}

/** Which of some tools a list shows. */
function shownTools(line: string, names: readonly string[] = ['read', 'write', 'delete']) {
  const query = queryOf(line);
  return names.filter((name) => query.mayUse('tools/call', { kind: 'tool', name }, undefined));
}

describe('a list of tools shows what its caller could call', () => {
  test.each<readonly [string, readonly string[]]>([
    ['- | allow | tools/list', ['read', 'write', 'delete']],
    ['- | deny | tools/list', []],
    ['deny tools=write | allow | tools/list', ['read', 'delete']],
    ['allow tools=read | deny | tools/list', ['read']],
    ['deny tools=write if args.n > 3 | allow | tools/list', ['read', 'write', 'delete']],
    ['allow tools=write if args.n > 3 | deny | tools/list', ['write']],
    ['deny tools=* if !tool.annotations.readOnlyHint | allow | tools/list', []],
    ['deny if request.target == "read" | allow | tools/list', ['write', 'delete']],
    ['deny if request.method == "tools/list" | allow | tools/list', ['read', 'write', 'delete']],
    ['deny if request.method == "tools/call" | allow | tools/list', []],
    ['deny methods=tools/call tools=write | allow | tools/list', ['read', 'delete']],
    ['deny methods=tools/list tools=write | allow | tools/list', ['read', 'write', 'delete']],
    ['deny tools=write servers=mail | allow | tools/list', ['read', 'write', 'delete']],
    ['deny tools=write servers=mail | allow | tools/list server=mail', ['read', 'delete']],
    ['deny tools=write roles=agent | allow | tools/list roles=agent', ['read', 'delete']],
    ['deny tools=write roles=agent | allow | tools/list', ['read', 'write', 'delete']],
    ['deny tools=write if 1 / 0 == 1 | allow | tools/list', ['read', 'delete']],
    ['allow tools=write if 1 / 0 == 1 | allow | tools/list', ['read', 'delete']],
    ['shadow deny | allow | tools/list', ['read', 'write', 'delete']],
    ['shadow allow | deny | tools/list', []],
    ['allow if principal.subject == "user:2" | deny | tools/list', []],
    ['deny if args.n > 3 || server.slug == "files" | allow | tools/list', []],
  ])('%s', (line, shown) => expect(shownTools(line)).toEqual(shown));

  test('by approved annotations', () => {
    const query = queryOf('allow tools=* if tool.annotations.readOnlyHint | deny | tools/list');
    const annotations = {
      title: '',
      readOnly: true,
      destructive: undefined,
      idempotent: undefined,
      openWorld: undefined,
    };
    const target: ItemTarget = { kind: 'tool', name: 'read' };
    expect(query.mayUse('tools/call', target, { tool: 'read', hash: '', annotations })).toBe(true);
    expect(query.mayUse('tools/call', target, undefined)).toBe(false);
  });
});

test('what never has arguments is hidden by a condition on them, as it is denied', () => {
  const query = queryOf('deny if args.n > 3 | allow | resources/list');
  expect(query.mayUse('resources/read', { kind: 'resource', name: 'x:y' }, undefined)).toBe(false);
});

test('what one item comes to says nothing of another one', () => {
  const query = queryOf(
    'deny if principal.subject == "user:1" && request.target == "a" | allow | tools/list',
  );
  const shows = (name: string) => query.mayUse('tools/call', { kind: 'tool', name }, undefined);
  expect([shows('a'), shows('b'), shows('a')]).toEqual([false, true, false]);
});

describe('a list of templates shows those that could make a URI for its caller', () => {
  test.each<readonly [string, string, boolean]>([
    ['- | allow | resources/templates/list', 'file:///{name}', true],
    ['- | deny | resources/templates/list', 'file:///{name}', false],
    ['deny resources=file:///** | allow | resources/templates/list', 'file:///{name}', false],
    ['deny resources=file:///etc/** | allow | resources/templates/list', 'file:///{+path}', true],
    [
      'deny resources=file:///etc/** | allow | resources/templates/list',
      'file:///etc/{name}',
      false,
    ],
    [
      'deny resources=file:///etc/* | allow | resources/templates/list',
      'file:///etc/{+path}',
      true,
    ],
    ['allow resources=file:///a/b.txt | deny | resources/templates/list', 'file:///a/{name}', true],
    ['allow resources=file:///b/** | deny | resources/templates/list', 'file:///a/{name}', false],
    ['allow tools=* | deny | resources/templates/list', 'file:///a/{name}', false],
    ['deny tools=* | allow | resources/templates/list', 'file:///a/{name}', true],
    ['deny | allow | resources/templates/list', 'file:///a/{name}', false],
    ['deny roles=agent | allow | resources/templates/list', 'file:///a/{name}', true],
    ['deny methods=resources/subscribe | allow | resources/templates/list', 'x://{a}', true],
    ['deny methods=resources/read | allow | resources/templates/list', 'x://{a}', false],
    ['deny if request.target == "x://1" | allow | resources/templates/list', 'x://{a}', true],
    ['allow if request.target == "x://1" | deny | resources/templates/list', 'x://{a}', true],
    ['allow if principal.subject == "user:2" | deny | resources/templates/list', 'x://{a}', false],
  ])('%s: %s', (line, template, shown) => {
    expect(queryOf(line).mayReadSomeOf(template)).toBe(shown);
  });
});

test('only where something may be denied do lists need a look', () => {
  const narrows = (policies: string, policyDefault = 'allow') =>
    readLine(`${policies} | ${policyDefault} | tools/list | `).set.narrows;
  expect(narrows('-')).toBe(false);
  expect(narrows('-', 'deny')).toBe(true);
  expect(narrows('allow tools=read')).toBe(false);
  expect(narrows('allow tools=read if args.n > 3')).toBe(true);
  expect(narrows('shadow deny tools=read')).toBe(false);
  expect(narrows('deny tools=read')).toBe(true);
});
