import { decideCalls } from '../../common/policy/decide-message.ts';
import type { Decision } from '../../common/policy/decision.ts';
import type { Policy } from '../../common/policy/policy.ts';
import type { PolicyCall, PolicyPrincipal } from '../../common/policy/policy-call.ts';
import type { ConsideredPolicy, PolicySet } from '../../common/policy/policy-set.ts';
import type { ReasonCode } from '../../common/reasons.ts';
import { notFound, type Outcome, refused } from '../input/violation.ts';
import type { Store } from '../store/store.ts';
import { type CallDescription, describedCalls, validateCall } from './call-description.ts';
import { DescribedPrincipals } from './described-principals.ts';
import { buildInTurns, loadPolicyBasis, prepareInTurns } from './policy-basis.ts';
import { Turns } from './turns.ts';

/** Why a decision turned out as it did. */
export interface ExplainedDecision {
  readonly allowed: boolean;
  readonly cause: Decision['cause'];
  /** By which a node refuses; undefined: it is allowed. */
  readonly reason: ReasonCode | undefined;
  readonly policy: Policy | undefined;
  readonly error: string | undefined;
  readonly argumentsMissing: boolean;
  readonly shadow: Decision['shadow'];
  /** The caller as policies see it. */
  readonly principal: PolicyPrincipal;
  readonly request: PolicyCall['request'];
  readonly target: PolicyCall['target'];
  readonly pin: PolicyCall['pin'];
  /** Enabled policies in their order, those first that are about the call; at most `consideredMax`. */
  readonly considered: readonly ConsideredPolicy[];
  /** Policies that were looked at; more than `considered` holds when there are very many. */
  readonly consideredCount: number;
}

/** Most policies that an explanation lists. */
const consideredMax = 200;

/** By which reason a node refuses. */
function reasonOf({ allowed, cause }: Decision): ReasonCode | undefined {
  if (allowed) return undefined;
  if (cause === 'evaluation_failed') return 'policy_evaluation_failed';
  return cause === 'policy' ? 'policy_denied' : 'policy_not_allowed';
}

/** Of several uses that a call asks for the one that decides. */
function decisiveCall(set: PolicySet, calls: readonly [PolicyCall, ...PolicyCall[]]): PolicyCall {
  return calls.find((call) => !set.decide(call).allowed) ?? calls[0];
}

function explained(
  set: PolicySet,
  calls: readonly [PolicyCall, ...PolicyCall[]],
): ExplainedDecision {
  const decision = decideCalls(set, calls);
  const call = decisiveCall(set, calls);
  const { policies } = set.explain(call);
  const matching = policies.filter(({ mismatch }) => mismatch === undefined);
  const others = policies.filter(({ mismatch }) => mismatch !== undefined);
  return {
    ...decision,
    reason: reasonOf(decision),
    principal: call.principal,
    request: call.request,
    target: call.target,
    pin: call.pin,
    considered: [...matching, ...others].slice(0, consideredMax),
    consideredCount: policies.length,
  };
}

/**
 * Decides a call that nobody made, by the code that nodes decide by, and says which policy had which part in it.
 * What comes before policies on a node, such as a server that is closed or scopes that don't reach, isn't asked.
 */
export async function explainDecision(
  store: Store,
  organizationId: string,
  call: CallDescription,
  nowMs: number,
): Promise<Outcome<ExplainedDecision>> {
  const violations = validateCall(call);
  if (violations.length > 0) return { ok: false, violations };
  const loaded = await store.withOrganization(organizationId, async (em) => {
    const basis = await loadPolicyBasis(em, organizationId);
    const principals = await DescribedPrincipals.load(em, organizationId, [call]);
    return basis && { basis, principals };
  });
  if (loaded === undefined) return refused(notFound('organizationId', 'organization'));
  const { basis, principals } = loaded;
  const calls = describedCalls(call, principals.of(call), basis, nowMs);
  if (!calls.ok) return calls;
  const turns = new Turns();
  const prepared = await prepareInTurns(basis.policies, turns);
  const set = await buildInTurns(prepared, basis.policyDefault, turns);
  return { ok: true, value: explained(set, calls.value) };
}
