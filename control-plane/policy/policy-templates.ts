import { done, type Outcome } from '../input/violation.ts';
import type { AuditEvent } from '../store/append-audit-entry.ts';
import type { PolicyDefinition } from '../store/entities/policy-revision.ts';
import { createPolicy, type SavedPolicy } from './policies.ts';
import type { PolicyDependencies } from './policy-change.ts';
import { fillTemplate } from './ready-made-policies.ts';

type Parameters = Readonly<Record<string, unknown>>;

/** What a ready-made policy says with parameters: enabled, and in shadow mode. */
export function templateDefinition(
  template: string,
  parameters: Parameters,
): Outcome<PolicyDefinition> {
  const filled = fillTemplate(template, parameters);
  if (filled.ok) return done({ ...filled.value, mode: 'shadow', enabled: true });
  const isKnown = filled.violations.every(({ code }) => code !== 'NOT_FOUND');
  return {
    ok: false,
    violations: filled.violations.map((violation) => ({
      ...violation,
      path: isKnown ? ['parameters', ...violation.path] : ['template'],
    })),
  };
}

export interface TemplatePolicy {
  readonly organizationId: string;
  readonly template: string;
  readonly parameters?: Parameters | null | undefined;
  /** Undefined or null: the template's id. */
  readonly name?: string | null | undefined;
  readonly mode: PolicyDefinition['mode'];
  readonly enabled: boolean;
  /** Expectations that fail don't refuse it. */
  readonly force?: boolean | null | undefined;
}

/** Makes a policy of a ready-made one. */
export async function createPolicyFromTemplate(
  deps: PolicyDependencies,
  actor: AuditEvent['actor'],
  input: TemplatePolicy,
): Promise<Outcome<SavedPolicy>> {
  const { organizationId, template, mode, enabled } = input;
  const filled = templateDefinition(template, input.parameters ?? {});
  if (!filled.ok) return filled;
  const name = input.name ?? filled.value.name;
  return createPolicy(deps, actor, {
    ...filled.value,
    ...{ organizationId, template, name, mode, enabled, force: input.force },
  });
}
