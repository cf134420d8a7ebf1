import { compileCondition } from '../../../common/policy/compile-condition.ts';
import type { ConditionOutcome } from '../../../common/policy/condition.ts';
import type { ParsedCondition } from '../../../common/policy/condition-syntax.ts';
import { conditionFinding, type PolicyFinding } from './finding.ts';
import { bindingsByTargets, unknownBindings } from './known-facts.ts';
import { targetKinds } from './target-kinds.ts';
import type { PolicyRules } from './validation-context.ts';

/** Whether a condition is the same for every call, or for every call that its policy is about. */
export function checkConstancy(condition: ParsedCondition, rules: PolicyRules): PolicyFinding[] {
  const compiled = compileCondition(condition.source);
  const position = condition.positionOf(condition.root);
  const always = compiled.evaluate(unknownBindings);
  if (always.kind === 'false') {
    const message = 'The condition is false for every call: the policy has no effect.';
    return [conditionFinding('error', 'NEVER_TRUE', position, message)];
  }
  if (always.kind === 'true') {
    const message = 'The condition is true for every call.';
    const hint = 'Leave the condition out.';
    return [conditionFinding('warning', 'ALWAYS_TRUE', position, message, hint)];
  }
  if (compiled.reads.size === 0) {
    const message = `The condition fails for every call: ${always.message}.`;
    return [conditionFinding('error', 'ALWAYS_FAILS', position, message)];
  }
  const outcomes = bindingsByTargets(rules, targetKinds(rules)).map((bindings) =>
    compiled.evaluate(bindings),
  );
  if (all(outcomes, 'false')) {
    const message = 'The condition is false for every call that the policy is about.';
    const hint = 'It contradicts the servers, methods, tools or prompts of the policy.';
    return [conditionFinding('error', 'NEVER_TRUE', position, message, hint)];
  }
  if (all(outcomes, 'true')) {
    const message = 'The condition is true for every call that the policy is about.';
    const hint = 'It says what servers, methods, tools or prompts say: leave it out.';
    return [conditionFinding('warning', 'ALWAYS_TRUE', position, message, hint)];
  }
  return [];
}

function all(outcomes: readonly ConditionOutcome[], kind: ConditionOutcome['kind']): boolean {
  return outcomes.length > 0 && outcomes.every((outcome) => outcome.kind === kind);
}
