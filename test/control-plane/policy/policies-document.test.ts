import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { compileCondition } from '../../../common/policy/compile-condition.ts';
import { conditionVariables } from '../../../common/policy/condition.ts';
import { callTargets } from '../../../common/policy/method-targets.ts';
import type { Policy, PolicyDefault } from '../../../common/policy/policy.ts';
import type { PolicyCall, PolicyPin } from '../../../common/policy/policy-call.ts';
import { PolicySet } from '../../../common/policy/policy-set.ts';
import { policyTemplates } from '../../../control-plane/policy/ready-made-policies.ts';
import { validatePolicy } from '../../../control-plane/policy/validation/validate-policy.ts';
import type { PolicyRules } from '../../../control-plane/policy/validation/validation-context.ts';
import { policyCall, testPolicy } from '../../support/policy-call.ts';
import { policyRules, validationContext } from './policy-rules.ts';

const document = readFileSync(new URL('../../../docs/policies.md', import.meta.url), 'utf8');

/** A call of the document: who calls what, and what becomes of it. */
interface DocumentedCall {
  readonly is: 'allowed' | 'denied' | 'failed';
  readonly role?: string;
  readonly caller?: string;
  readonly server?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly address?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly at?: string;
  readonly tool?: string;
  readonly resource?: string;
  readonly args?: Readonly<Record<string, unknown>>;
  readonly approved?: { readonly readOnlyHint?: boolean };
  readonly hash?: string;
}

interface Example {
  readonly title: string;
  readonly rules: PolicyRules;
  readonly policyDefault: PolicyDefault;
  readonly calls: readonly DocumentedCall[];
}

function block(section: string, name: string): unknown {
  const text = new RegExp(`^\`\`\`json ${name}\\n(.*?)^\`\`\`$`, 'ms').exec(section)?.[1];
  if (text === undefined) throw new Error(`an example has no ${name}`);
  return JSON.parse(text);
}

const sections = document.split(/^### (?=\d+\. )/m).slice(1);
const examples: Example[] = sections.map((section) => {
  const { default: policyDefault, ...given } = block(section, 'policy') as Partial<PolicyRules> & {
    default?: PolicyDefault;
  };
  return {
    title: section.split('\n')[0] ?? '',
    rules: policyRules(given),
    policyDefault: policyDefault ?? 'allow',
    calls: block(section, 'calls') as DocumentedCall[],
  };
});

function pinOf({ tool, approved, hash }: DocumentedCall): PolicyPin | undefined {
  if (tool === undefined || approved === undefined) return undefined;
  const annotations = {
    title: '',
    readOnly: approved.readOnlyHint,
    destructive: undefined,
    idempotent: undefined,
    openWorld: undefined,
  };
  return { tool, hash: hash ?? 'f'.repeat(64), annotations };
}

/** The messages' targets, as a node finds them. */
function callsOf(call: DocumentedCall): PolicyCall[] {
  const { tool, resource, args, role = 'agent', caller = 'user:1', server = 'files' } = call;
  const method = tool === undefined ? 'resources/read' : 'tools/call';
  const params = tool === undefined ? { uri: resource } : { name: tool, arguments: args };
  const base = policyCall();
  return (callTargets(method, params, undefined) ?? []).map((target) => ({
    ...base,
    principal: { ...base.principal, subject: caller, roles: [role] },
    server: { id: server, slug: server, labels: new Map(Object.entries(call.labels ?? {})) },
    request: {
      ...base.request,
      method,
      address: call.address ?? '10.0.0.1',
      headers: new Map(Object.entries(call.headers ?? {})),
    },
    target,
    pin: pinOf(call),
    args,
    nowMs: Date.parse(call.at ?? '2026-11-20T10:00:00Z'),
  }));
}

function outcomeOf(set: PolicySet, call: DocumentedCall): DocumentedCall['is'] {
  const decisions = callsOf(call).map((each) => set.decide(each));
  const refused = decisions.find(({ allowed }) => !allowed);
  if (decisions.length > 0 && refused === undefined) return 'allowed';
  return refused?.cause === 'evaluation_failed' ? 'failed' : 'denied';
}

function policyOf({ title, rules }: Example): Policy {
  const { effect, condition, ...lists } = rules;
  return testPolicy(title, { effect, condition, ...lists });
}

describe('an example of docs/policies.md', () => {
  test('is one of ten, numbered', () => {
    expect(examples.map(({ title }) => Number.parseInt(title, 10))).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
  });

  test.each(examples)('$title: decides as it says', (example) => {
    const set = PolicySet.compile([policyOf(example)], {
      default: example.policyDefault,
      compile: compileCondition,
    });
    const decided = example.calls.map((call) => ({ ...call, is: outcomeOf(set, call) }));
    expect(decided).toEqual(example.calls);
    expect(new Set(example.calls.map(({ is }) => is)).size).toBeGreaterThan(1);
  });

  test.each(examples)('$title: can be stored', ({ rules }) => {
    const findings = validatePolicy(rules, validationContext);
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  });
});

describe('docs/policies.md names', () => {
  test.each([...conditionVariables])('the variable %s', (name) => {
    expect(document).toMatch(new RegExp(`^\\| .*\`${name}[.\`]`, 'm'));
  });

  test.each(policyTemplates.map(({ id }) => id))('the template %s', (id) => {
    expect(document).toContain(`| \`${id}\` |`);
  });
});
