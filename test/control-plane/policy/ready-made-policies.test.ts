import { describe, expect, test } from '@jest/globals';
import { compileCondition } from '../../../common/policy/compile-condition.ts';
import type { PolicyCall } from '../../../common/policy/policy-call.ts';
import { PolicySet } from '../../../common/policy/policy-set.ts';
import { validatePolicyForm } from '../../../control-plane/policy/policy-form.ts';
import {
  type FilledPolicy,
  fillTemplate,
  policyTemplates,
} from '../../../control-plane/policy/ready-made-policies.ts';
import { validatePolicy } from '../../../control-plane/policy/validation/validate-policy.ts';
import { policyCall, testPolicy } from '../../support/policy-call.ts';
import { validationContext } from './policy-rules.ts';

type Parameters = Readonly<Record<string, unknown>>;

/** Parameters that templates can't do without. */
const needed: Readonly<Record<string, Parameters>> = {
  'path-jail': { folder: '/srv/project', tools: ['*_file'] },
};

function filled(id: string, parameters: Parameters = {}): FilledPolicy {
  const outcome = fillTemplate(id, { ...needed[id], ...parameters });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.violations));
  return outcome.value;
}

function decide(policy: FilledPolicy, call: Partial<PolicyCall>): string {
  const set = PolicySet.compile([testPolicy(policy.name, policy)], {
    default: 'allow',
    compile: compileCondition,
  });
  const { allowed, cause } = set.decide(policyCall(call));
  return allowed ? 'allowed' : cause;
}

function pin(readOnly: boolean | undefined, destructive: boolean | undefined): Partial<PolicyCall> {
  const annotations = {
    title: '',
    readOnly,
    destructive,
    idempotent: undefined,
    openWorld: undefined,
  };
  return { pin: { tool: 'read', hash: 'f'.repeat(64), annotations } };
}

function asRole(role: string): Partial<PolicyCall> {
  return { principal: { ...policyCall().principal, roles: [role] } };
}

describe.each(policyTemplates.map(({ id }) => id))('the template %s', (id) => {
  test('makes a policy that can be stored, with the least that it needs', () => {
    const policy = filled(id);
    expect(validatePolicyForm({ ...policy, enabled: true, mode: 'shadow' })).toEqual([]);
    const errors = validatePolicy(policy, validationContext).filter(
      ({ severity }) => severity === 'error',
    );
    expect(errors).toEqual([]);
  });

  test('says what a parameter is for, and takes only those that it knows', () => {
    const template = policyTemplates.find((known) => known.id === id);
    for (const { description } of template?.parameters ?? []) expect(description).toMatch(/\.$/);
    expect(fillTemplate(id, { ...needed[id], server: ['x'] })).toMatchObject({
      ok: false,
      violations: [{ path: ['server'], code: 'NOT_FOUND' }],
    });
    expect(fillTemplate(id, { ...needed[id], servers: 'x' })).toMatchObject({
      ok: false,
      violations: [{ path: ['servers'], code: 'INVALID_FORMAT' }],
    });
  });

  test('is only about the servers and roles that are named', () => {
    const policy = filled(id, { servers: ['other'], roles: ['auditor'] });
    expect([policy.servers, policy.roles]).toEqual([['other'], ['auditor']]);
    expect(decide(policy, { nowMs: 0 })).toBe('allowed');
  });
});

test('there is no other template', () => {
  expect(fillTemplate('toString', {})).toMatchObject({ ok: false });
});

test.each([
  ['agent', undefined, 'policy'],
  ['agent', pin(undefined, false), 'policy'],
  ['agent', pin(false, false), 'policy'],
  ['agent', pin(true, undefined), 'allowed'],
  ['developer', undefined, 'allowed'],
])('read-only agents: %s with %j is %s', (role, approved, expected) => {
  expect(decide(filled('read-only-agents'), { ...asRole(role), ...approved })).toBe(expected);
});

test('read-only agents may still read resources', () => {
  const target = { kind: 'resource', name: 'file:///a' } as const;
  expect(decide(filled('read-only-agents'), { target })).toBe('allowed');
});

test.each([
  [undefined, 'policy'],
  [pin(undefined, undefined), 'policy'],
  [pin(false, true), 'policy'],
  [pin(false, false), 'allowed'],
  [pin(true, undefined), 'allowed'],
])('deny destructive tools: %j is %s', (approved, expected) => {
  expect(decide(filled('deny-destructive-tools'), approved ?? {})).toBe(expected);
});

test.each([
  [undefined, 'policy'],
  [pin(undefined, undefined), 'allowed'],
])('only approved definitions: %j is %s', (approved, expected) => {
  expect(decide(filled('approved-definitions-only'), approved ?? {})).toBe(expected);
});

describe('business hours', () => {
  const at = (policy: FilledPolicy, moment: string): string =>
    decide(policy, { nowMs: Date.parse(moment) });

  test.each([
    ['2026-11-20T07:59:59Z', 'policy'],
    ['2026-11-20T08:00:00Z', 'allowed'],
    ['2026-11-20T17:59:59Z', 'allowed'],
    ['2026-11-20T18:00:00Z', 'policy'],
    ['2026-11-21T12:00:00Z', 'policy'],
  ])('by default %s is %s', (moment, expected) => {
    expect(at(filled('business-hours'), moment)).toBe(expected);
  });

  test('follow the zone, in summer and in winter', () => {
    const berlin = filled('business-hours', { timeZone: 'Europe/Berlin' });
    expect(at(berlin, '2026-11-20T07:00:00Z')).toBe('allowed');
    expect(at(berlin, '2026-11-20T06:00:00Z')).toBe('policy');
    expect(at(berlin, '2026-07-20T06:00:00Z')).toBe('allowed');
    expect(at(berlin, '2026-07-20T16:00:00Z')).toBe('policy');
  });

  test('may go over midnight', () => {
    const night = filled('business-hours', { fromHour: 22, untilHour: 6, days: [5, 6] });
    expect(at(night, '2026-11-20T23:00:00Z')).toBe('allowed');
    expect(at(night, '2026-11-21T05:00:00Z')).toBe('allowed');
    expect(at(night, '2026-11-20T12:00:00Z')).toBe('policy');
  });

  test.each<[Parameters, string]>([
    [{ timeZone: 'Mars/Olympus' }, 'timeZone'],
    [{ timeZone: 'UTC") || true || ("' }, 'timeZone'],
    [{ fromHour: 24 }, 'fromHour'],
    [{ fromHour: -1 }, 'fromHour'],
    [{ untilHour: 25 }, 'untilHour'],
    [{ fromHour: 8, untilHour: 8 }, 'untilHour'],
    [{ days: [7] }, 'days'],
    [{ days: [] }, 'days'],
    [{ days: [1.5] }, 'days'],
  ])('%j is refused', (parameters, path) => {
    expect(fillTemplate('business-hours', parameters)).toMatchObject({
      ok: false,
      violations: [{ path: [path] }],
    });
  });
});

describe('the path jail', () => {
  const jail = filled('path-jail', {
    arguments: ['path', 'target-path'],
    listArguments: ['paths'],
  });
  const write = (args: Parameters | undefined): string =>
    decide(jail, { target: { kind: 'tool', name: 'write_file' }, args });

  test.each<[Parameters | undefined, string]>([
    [{ path: '/srv/project/a' }, 'allowed'],
    [{ path: '/srv/project' }, 'allowed'],
    [{ path: '/srv/project/../other' }, 'policy'],
    [{ path: '/etc/passwd' }, 'policy'],
    [{ path: 'a' }, 'evaluation_failed'],
    [{ path: null }, 'evaluation_failed'],
    [{ path: 5 }, 'evaluation_failed'],
    [{ path: '/srv/project/a', 'target-path': '/srv/project/b' }, 'allowed'],
    [{ path: '/srv/project/a', 'target-path': '/etc/b' }, 'policy'],
    [{ path: 'a', 'target-path': '/etc/b' }, 'policy'],
    [{ paths: ['/srv/project/a', '/srv/project/b'] }, 'allowed'],
    [{ paths: ['/srv/project/a', '/etc/b'] }, 'policy'],
    [{ paths: '/srv/project/a' }, 'evaluation_failed'],
    [{}, 'policy'],
    [undefined, 'policy'],
  ])('%j is %s', (args, expected) => expect(write(args)).toBe(expected));

  test('holds other tools not', () => {
    const target = { kind: 'tool', name: 'list_directory' } as const;
    expect(decide(jail, { target, args: { path: '/etc' } })).toBe('allowed');
  });

  test('knows Windows', () => {
    const windows = filled('path-jail', { folder: 'C:\\data', style: 'windows' });
    const at = (path: string): string =>
      decide(windows, { target: { kind: 'tool', name: 'write_file' }, args: { path } });
    expect([at('c:/Data/x'), at('C:\\data\\..\\x')]).toEqual(['allowed', 'policy']);
  });

  test('a folder’s name is no part of the condition', () => {
    const quoted = filled('path-jail', { folder: '/srv/"a\\b' });
    const call = { target: { kind: 'tool', name: 'write_file' } as const };
    expect(decide(quoted, { ...call, args: { path: '/etc' } })).toBe('policy');
  });

  test.each<[Parameters, string]>([
    [{ folder: 'srv' }, 'folder'],
    [{ folder: '/srv', style: 'windows' }, 'folder'],
    [{ folder: '/srv\u0000' }, 'folder'],
    [{ style: 'dos' }, 'style'],
    [{ tools: [] }, 'tools'],
    [{ tools: null }, 'tools'],
    [{ arguments: [] }, 'arguments'],
  ])('%j is refused', (parameters, path) => {
    expect(fillTemplate('path-jail', { ...needed['path-jail'], ...parameters })).toMatchObject({
      ok: false,
      violations: expect.arrayContaining([expect.objectContaining({ path: [path] })]),
    });
  });
});
