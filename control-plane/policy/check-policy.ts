import type { EntityManager } from '@mikro-orm/postgresql';
import type { Violation } from '../input/violation.ts';
import type { PolicyDefinition } from '../store/entities/policy-revision.ts';
import type { Store } from '../store/store.ts';
import { loadValidationContext } from './load-validation-context.ts';
import { definitionNames } from './policy-definition.ts';
import { validatePolicyForm } from './policy-form.ts';
import type { PolicyFinding } from './validation/finding.ts';
import { validatePolicy } from './validation/validate-policy.ts';

/** What is wrong with a policy, so that it can't be stored, and what its author should know besides. */
export interface PolicyCheck {
  readonly violations: readonly Violation[];
  readonly warnings: readonly PolicyFinding[];
}

/** Everything that validation says of a policy: errors, then warnings. What is wrong with its form comes alone. */
export interface PolicyFindings {
  readonly violations: readonly Violation[];
  readonly findings: readonly PolicyFinding[];
}

function violationOf(finding: PolicyFinding): Violation {
  const { field, code, message, hint, line, column } = finding;
  return {
    path: field.split('.'),
    code: 'INVALID_POLICY',
    ...{ message, finding: code },
    ...(line !== undefined && { line }),
    ...(column !== undefined && { column }),
    ...(hint !== '' && { hint }),
  };
}

async function findingsOf(
  em: EntityManager,
  organizationId: string,
  definition: PolicyDefinition,
): Promise<PolicyFindings> {
  const violations = validatePolicyForm(definition);
  if (violations.length > 0) return { violations, findings: [] };
  const context = await loadValidationContext(em, organizationId, definition);
  return { violations, findings: validatePolicy(definition, context) };
}

const ruleNames = definitionNames.filter(
  (name) => !['name', 'description', 'message', 'mode', 'enabled'].includes(name),
);

/** Whether a policy decides as it did before, and is not switched on anew. */
function decidesTheSame(before: PolicyDefinition, after: PolicyDefinition): boolean {
  const rules = (definition: PolicyDefinition) =>
    JSON.stringify(ruleNames.map((name) => definition[name]));
  return rules(before) === rules(after) && (before.enabled || !after.enabled);
}

/**
 * Checks a policy that is to be stored.
 * @param before as it is stored now: what it says already is no reason to refuse another change of it, such as
 * disabling it, when the organization has changed meanwhile.
 */
export async function checkPolicy(
  em: EntityManager,
  organizationId: string,
  definition: PolicyDefinition,
  before?: PolicyDefinition,
): Promise<PolicyCheck> {
  const { violations, findings } = await findingsOf(em, organizationId, definition);
  if (violations.length > 0) return { violations, warnings: [] };
  if (before !== undefined && decidesTheSame(before, definition)) {
    return { violations: [], warnings: findings };
  }
  return {
    violations: findings.filter(({ severity }) => severity === 'error').map(violationOf),
    warnings: findings.filter(({ severity }) => severity === 'warning'),
  };
}

/** Says what storing a policy would say, without storing it. */
export function tryPolicy(
  store: Store,
  organizationId: string,
  definition: PolicyDefinition,
): Promise<PolicyFindings> {
  return store.withOrganization(organizationId, (em) => findingsOf(em, organizationId, definition));
}
