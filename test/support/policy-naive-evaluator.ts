import { compileCondition } from '../../common/policy/compile-condition.ts';
import type { ConditionBindings, ConditionOutcome } from '../../common/policy/condition.ts';
import { conditionValues } from '../../common/policy/condition-values.ts';
import type { Policy, PolicyDefault } from '../../common/policy/policy.ts';
import type { CallTarget, PolicyCall } from '../../common/policy/policy-call.ts';

/**
 * Decides as the semantics are written down, rule by rule and policy by policy, with nothing shared with the
 * engine but conditions themselves: no index, no compiled pattern, no early end.
 */

type Outcome = ConditionOutcome['kind'] | 'unknown';

export interface NaiveDecision {
  readonly allowed: boolean;
  readonly cause: 'policy' | 'default' | 'evaluation_failed' | 'implicit';
  readonly policyId: string | undefined;
  /** Ids and outcomes, as `p1 would_deny`. */
  readonly shadow: readonly string[];
}

type Piece = { readonly literal: string } | 'one' | 'run' | 'run across segments';

function pieces(pattern: string, isPath: boolean): Piece[] {
  if (pattern === '*') return ['run across segments'];
  const read = /\\(.)|(\*+)|(\?)|(.)/gsu;
  return [...pattern.matchAll(read)].map(([, escaped, stars, one, literal]) => {
    if (stars !== undefined) return !isPath || stars.length > 1 ? 'run across segments' : 'run';
    return one === undefined ? { literal: escaped ?? literal ?? '' } : 'one';
  });
}

function matchesFrom(
  rest: readonly Piece[],
  characters: readonly string[],
  isPath: boolean,
): boolean {
  const [piece, ...others] = rest;
  const [character, ...left] = characters;
  if (piece === undefined) return character === undefined;
  const goesOn = character !== undefined && (character !== '/' || !isPath);
  if (piece === 'one') return goesOn && matchesFrom(others, left, isPath);
  if (piece === 'run' || piece === 'run across segments') {
    const mayTake = piece === 'run' ? goesOn : character !== undefined;
    return matchesFrom(others, characters, isPath) || (mayTake && matchesFrom(rest, left, isPath));
  }
  return character === piece.literal && matchesFrom(others, left, isPath);
}

/** Whether a pattern matches, in time that may explode: for short ones. */
export function naivelyMatches(pattern: string, text: string, kind: 'name' | 'path'): boolean {
  return matchesFrom(pieces(pattern, kind === 'path'), [...text], kind === 'path');
}

function anyMatches(patterns: readonly string[], text: string, kind: 'name' | 'path' = 'name') {
  return patterns.some((pattern) => naivelyMatches(pattern, text, kind));
}

function matchesTarget({ targets }: Policy, target: CallTarget): boolean {
  const { tools, resources, prompts } = targets;
  if (tools.length + resources.length + prompts.length === 0) return true;
  if (target.kind === 'tool') return anyMatches(tools, target.name);
  if (target.kind === 'prompt') return anyMatches(prompts, target.name);
  return target.kind === 'resource' && anyMatches(resources, target.name, 'path');
}

function matchesSubject({ subjects }: Policy, { principal }: PolicyCall): boolean {
  const { roles, subjects: people, apiKeys } = subjects;
  if (roles.length + people.length + apiKeys.length === 0) return true;
  const byKey = principal.credentialKind === 'api_key' && apiKeys.includes(principal.credentialId);
  return (
    byKey || people.includes(principal.subject) || principal.roles.some((r) => roles.includes(r))
  );
}

function matches(policy: Policy, call: PolicyCall): boolean {
  const { servers, methods } = policy.targets;
  if (servers.length > 0 && !anyMatches(servers, call.server.slug)) return false;
  if (methods.length > 0 && !anyMatches(methods, call.request.method)) return false;
  if (call.target.kind === 'list' && (methods.length === 0 || policy.effect === 'allow')) {
    return false;
  }
  return matchesTarget(policy, call.target) && matchesSubject(policy, call);
}

/** Arguments are at hand when they are called with; what is no tool and no prompt has none, which is known, too. */
function argumentsKnown({ request, target }: PolicyCall, isKept: boolean): boolean {
  if (target.kind !== 'tool' && target.kind !== 'prompt') return true;
  return isKept && (request.method === 'tools/call' || request.method === 'prompts/get');
}

function outcomeOf(policy: Policy, call: PolicyCall, isKnown: boolean): Outcome {
  const condition = compileCondition(policy.condition);
  const bindings: ConditionBindings = {
    principal: () => conditionValues.principal(call),
    server: () => conditionValues.server(call),
    tool: () => conditionValues.tool(call),
    args: () => (isKnown ? conditionValues.args(call) : undefined),
    request: () => conditionValues.request(call),
    now: () => conditionValues.now(call),
  };
  const { kind } = condition.evaluate(bindings);
  return kind === 'failed' && !isKnown && condition.reads.has('args') ? 'unknown' : kind;
}

type Ruled = Omit<NaiveDecision, 'shadow'>;

function ruleOn(
  policies: readonly Policy[],
  call: PolicyCall,
  policyDefault: PolicyDefault,
  isKnown: boolean,
): Ruled {
  if (call.target.kind === 'implicit') {
    return { allowed: true, cause: 'implicit', policyId: undefined };
  }
  const asked = policies
    .filter((policy) => matches(policy, call))
    .map((policy) => ({ policy, outcome: outcomeOf(policy, call, isKnown) }));
  const first = (effect: Policy['effect'], outcome: Outcome) =>
    asked.find((one) => one.policy.effect === effect && one.outcome === outcome)?.policy.id;
  const by = (allowed: boolean, cause: Ruled['cause'], policyId: string | undefined) =>
    policyId === undefined ? undefined : { allowed, cause, policyId };
  const undecided: Ruled =
    call.target.kind === 'list'
      ? { allowed: true, cause: 'implicit', policyId: undefined }
      : { allowed: policyDefault === 'allow', cause: 'default', policyId: undefined };
  return (
    by(false, 'policy', first('deny', 'true')) ??
    by(false, 'evaluation_failed', first('deny', 'failed')) ??
    by(true, 'policy', first('allow', 'true')) ??
    by(true, 'policy', first('allow', 'unknown')) ??
    by(false, 'evaluation_failed', first('allow', 'failed')) ??
    undecided
  );
}

const shadowWords = { true: { deny: 'would_deny', allow: 'would_allow' } } as const;

/** The decision of policies in any order. `isKept`: the arguments of a call that has them are at hand. */
export function naivelyDecide(
  unordered: readonly Policy[],
  call: PolicyCall,
  policyDefault: PolicyDefault,
  isKept = true,
): NaiveDecision {
  const isKnown = argumentsKnown(call, isKept);
  const policies = [...unordered].sort(
    (a, b) => a.position - b.position || Number(a.id > b.id) - Number(a.id < b.id),
  );
  const enforced = policies.filter(({ mode }) => mode === 'enforce');
  const decision = ruleOn(enforced, call, policyDefault, isKnown);
  const shadow = policies.flatMap((policy) => {
    if (policy.mode === 'enforce' || !matches(policy, call)) return [];
    const outcome = outcomeOf(policy, call, isKnown);
    if (outcome === 'unknown') return [];
    const { allowed } = ruleOn([...enforced, policy], call, policyDefault, isKnown);
    if (allowed === decision.allowed) return [];
    return [`${policy.id} ${outcome === 'true' ? shadowWords.true[policy.effect] : 'would_fail'}`];
  });
  return { ...decision, shadow: shadow.slice(0, 8) };
}

/** Whether a caller could use what a call is about, with some arguments. */
export function naivelyMayUse(
  policies: readonly Policy[],
  call: PolicyCall,
  policyDefault: PolicyDefault,
): boolean {
  return naivelyDecide(policies, call, policyDefault, false).allowed;
}
