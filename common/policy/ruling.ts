import type { ConditionBindings, ConditionOutcome } from './condition.ts';
import { type Decision, type ShadowDecision, shadowDecisionsMax } from './decision.ts';
import type { Policy, PolicyDefault } from './policy.ts';
import type { CallTarget } from './policy-call.ts';
import type { PreparedPolicy } from './prepared-policy.ts';

/** `unknown`: it needs arguments, which are not known. */
export type PolicyOutcome = ConditionOutcome | { readonly kind: 'unknown' };

const errorCharsMax = 300;
const noShadow: readonly ShadowDecision[] = [];
const holds: PolicyOutcome = { kind: 'true' };
const notKnown: PolicyOutcome = { kind: 'unknown' };
const broken: PolicyOutcome = { kind: 'failed', message: 'the condition broke off' };

/** What a policy's condition comes to. A failure that missing arguments may have caused is no failure yet. */
export function outcomeOf(
  { condition }: PreparedPolicy,
  bindings: ConditionBindings,
  argumentsKnown: boolean,
): PolicyOutcome {
  if (condition === undefined) return holds;
  let outcome: PolicyOutcome;
  try {
    outcome = condition.evaluate(bindings);
  } catch {
    outcome = broken;
  }
  const excused = outcome.kind === 'failed' && !argumentsKnown && condition.reads.has('args');
  return excused ? notKnown : outcome;
}

/** The policies about one call, in the organization's order, and what is asked of them. */
export interface Question {
  readonly matched: readonly PreparedPolicy[];
  readonly targetKind: CallTarget['kind'];
  readonly policyDefault: PolicyDefault;
  outcomeOf(prepared: PreparedPolicy): PolicyOutcome;
}

function allowedBy(policy: Policy, argumentsMissing: boolean): Decision {
  const cause = 'policy';
  return { allowed: true, cause, policy, error: undefined, argumentsMissing, shadow: noShadow };
}

function deniedBy(policy: Policy): Decision {
  const shadow = noShadow;
  const argumentsMissing = false;
  return { allowed: false, cause: 'policy', policy, error: undefined, argumentsMissing, shadow };
}

function deniedByFailure({ policy, outcome }: Failed): Decision {
  const cause = 'evaluation_failed';
  const error = outcome.message.slice(0, errorCharsMax);
  return { allowed: false, cause, policy, error, argumentsMissing: false, shadow: noShadow };
}

function undecided(
  cause: 'default' | 'implicit',
  allowed: boolean,
  argumentsMissing: boolean,
): Decision {
  return {
    allowed,
    cause,
    policy: undefined,
    error: undefined,
    argumentsMissing,
    shadow: noShadow,
  };
}

export const implicitlyAllowed = undecided('implicit', true, false);
const implicitUnlessArguments = undecided('implicit', true, true);
const allowedByDefault = undecided('default', true, false);
const allowedUnlessArguments = undecided('default', true, true);
const deniedByDefault = undecided('default', false, false);

function unruled(question: Question, argumentsMissing: boolean): Decision {
  if (question.targetKind === 'list') {
    return argumentsMissing ? implicitUnlessArguments : implicitlyAllowed;
  }
  if (question.policyDefault === 'deny') return deniedByDefault;
  return argumentsMissing ? allowedUnlessArguments : allowedByDefault;
}

interface Failed {
  readonly policy: Policy;
  readonly outcome: Extract<PolicyOutcome, { readonly kind: 'failed' }>;
}

interface Found {
  readonly sure: Policy | undefined;
  readonly unknown: Policy | undefined;
  readonly failed: Failed | undefined;
}

/** The first of an effect that holds, can't be known, and fails; what comes after one that holds isn't asked. */
function firstOf(question: Question, effect: Policy['effect']): Found {
  let unknownPolicy: Policy | undefined;
  let failed: Found['failed'];
  for (const prepared of question.matched) {
    const { policy } = prepared;
    if (policy.effect !== effect || policy.mode !== 'enforce') continue;
    const outcome = question.outcomeOf(prepared);
    if (outcome.kind === 'true') return { sure: policy, unknown: unknownPolicy, failed };
    if (outcome.kind === 'unknown') unknownPolicy ??= policy;
    else if (outcome.kind === 'failed') failed ??= { policy, outcome };
  }
  return { sure: undefined, unknown: unknownPolicy, failed };
}

/** The decision of the enforced policies: deny wins, and nothing is allowed by what fails. */
export function rule(question: Question): Decision {
  const deny = firstOf(question, 'deny');
  if (deny.sure !== undefined) return deniedBy(deny.sure);
  if (deny.failed !== undefined) return deniedByFailure(deny.failed);
  const missing = deny.unknown !== undefined;
  const allow = firstOf(question, 'allow');
  if (allow.sure !== undefined) return allowedBy(allow.sure, missing);
  if (allow.unknown !== undefined) return allowedBy(allow.unknown, true);
  if (allow.failed !== undefined) return deniedByFailure(allow.failed);
  return unruled(question, missing);
}

/** What enforcing a shadow policy, too, would change; undefined: nothing. */
function shadowOutcome(
  { effect }: Policy,
  { kind }: PolicyOutcome,
  decision: Decision,
): ShadowDecision['outcome'] | undefined {
  if (decision.allowed) {
    if (kind === 'true' && effect === 'deny') return 'would_deny';
    // Where another policy allows, one that can't be evaluated takes nothing away.
    const counts = effect === 'deny' || decision.cause === 'default';
    return kind === 'failed' && counts ? 'would_fail' : undefined;
  }
  const overridable = decision.cause === 'default' || decision.policy?.effect === 'allow';
  return kind === 'true' && effect === 'allow' && overridable ? 'would_allow' : undefined;
}

/** Adds what the policies in shadow mode would have decided otherwise. */
export function withShadow(question: Question, decision: Decision): Decision {
  const shadow: ShadowDecision[] = [];
  for (const prepared of question.matched) {
    const { policy } = prepared;
    if (policy.mode !== 'shadow') continue;
    const outcome = shadowOutcome(policy, question.outcomeOf(prepared), decision);
    if (outcome !== undefined) shadow.push({ policy, outcome });
    if (shadow.length === shadowDecisionsMax) break;
  }
  return shadow.length === 0 ? decision : { ...decision, shadow };
}
