import type { Decision } from '../../../common/policy/decision.ts';
import type { Policy } from '../../../common/policy/policy.ts';
import type { ConsideredPolicy } from '../../../common/policy/policy-set.ts';
import type { ExpectationResult } from '../../policy/expectations.ts';
import type { ExplainedDecision } from '../../policy/explain-decision.ts';
import type { SimulationReport } from '../../policy/simulation/simulate.ts';
import type { SimulationSample } from '../../policy/simulation/simulation-tally.ts';

function named(policy: Policy | undefined) {
  if (policy === undefined) return null;
  const { id, name, revision, effect, mode, message } = policy;
  return { id, name, revision, effect, mode, message };
}

function consideredView({ policy, mismatch, outcome }: ConsideredPolicy) {
  return {
    policy: named(policy),
    mismatch: mismatch ?? null,
    condition: outcome?.kind ?? null,
    error: outcome?.kind === 'failed' ? outcome.message : null,
  };
}

/** An explained decision as the API shows it. */
export function explanationView(explained: ExplainedDecision) {
  const { allowed, cause, reason, policy, error, argumentsMissing, shadow } = explained;
  const { principal, request, target, pin, considered, consideredCount } = explained;
  return {
    ...{ allowed, cause, argumentsMissing, consideredCount, principal },
    reason: reason ?? null,
    policy: named(policy),
    error: error ?? null,
    shadow: shadow.map((each) => ({ policy: named(each.policy), outcome: each.outcome })),
    considered: considered.map(consideredView),
    method: request.method,
    target: 'name' in target ? target.name : '',
    toolApproved: pin !== undefined,
  };
}

function decisionView(decision: Decision | undefined) {
  if (decision === undefined) return null;
  const { allowed, cause, policy, error } = decision;
  return { allowed, cause, policy: named(policy), error: error ?? null };
}

function sampleView({ change, record, server, before, after, unknown }: SimulationSample) {
  const { callId, startedAtMs, subject, method, target, decision } = record;
  return {
    ...{ change, callId, subject, server, method, target, recorded: decision },
    startedAt: new Date(startedAtMs),
    before: decisionView(before),
    after: decisionView(after),
    unknown: unknown ?? null,
  };
}

/** A simulation's report as the API shows it. */
export function reportView({ totals, reached, elapsedMs, cut, tally }: SimulationReport) {
  const { byPolicy, byTool, byPrincipal, samples } = tally;
  return {
    ...{ totals, elapsedMs, byTool, byPrincipal },
    reached: reached ?? null,
    cut: cut ?? null,
    byPolicy: byPolicy.map((row) => ({ ...row, policy: named(row.policy) })),
    samples: samples.map(sampleView),
  };
}

/** What came of trying an expectation as the API shows it. */
export function resultView({ expectation, passed, decision, failure }: ExpectationResult) {
  const { id, policyId, policyName, name } = expectation;
  return {
    ...{ expectationId: id, policyId, policyName, name, passed },
    failure: failure === '' ? null : failure,
    allowed: decision?.allowed ?? null,
    cause: decision?.cause ?? null,
    policy: named(decision?.policy),
  };
}
