import type { EntityManager } from '@mikro-orm/postgresql';
import { decideCalls } from '../../common/policy/decide-message.ts';
import type { Decision } from '../../common/policy/decision.ts';
import type { PolicySet } from '../../common/policy/policy-set.ts';
import { nothingTried, type PolicyVerdict } from '../input/policy-verdict.ts';
import { type Violation, violation } from '../input/violation.ts';
import type { Store } from '../store/store.ts';
import { type CallDescription, describedCalls } from './call-description.ts';
import { DescribedPrincipals } from './described-principals.ts';
import { buildInTurns, loadPolicyBasis, type PolicyBasis, prepareInTurns } from './policy-basis.ts';
import { Turns } from './turns.ts';

/** Expectations of one organization. */
export const expectationsMax = 500;
/** Failing expectations that a refused change names one by one. */
const namedMax = 50;

/** An expectation as it is tried. */
export interface TriedExpectation {
  readonly id: string;
  readonly policyId: string;
  readonly policyName: string;
  readonly name: string;
  readonly call: CallDescription;
  readonly expected: 'allow' | 'deny';
  readonly expectedPolicyId: string | null;
}

/** What came of trying an expectation. */
export interface ExpectationResult {
  readonly expectation: TriedExpectation;
  readonly passed: boolean;
  /** Undefined: the call can't be made any more, such as when its server is gone. */
  readonly decision: Decision | undefined;
  /** One sentence; empty: it passed. */
  readonly failure: string;
}

const selectExpectations = `
  select e.id, e.policy_id as "policyId", p.name as "policyName", e.name, e.call, e.expected,
    e.expected_policy_id as "expectedPolicyId"
  from policy_expectations e
  join policies p on p.organization_id = e.organization_id and p.id = e.policy_id
  where e.organization_id = ? and (?::uuid is null or e.policy_id = ?::uuid)
  order by p.position, e.name, e.id limit ?`;

function said({ allowed, cause, policy }: Decision): string {
  const outcome = allowed ? 'allow' : 'deny';
  if (policy !== undefined) {
    return cause === 'evaluation_failed'
      ? `${outcome}, for the condition of “${policy.name}” fails`
      : `${outcome} by “${policy.name}”`;
  }
  return cause === 'implicit' ? `${outcome}, for no policy is asked` : `${outcome} by default`;
}

/** What is wrong with a decision; empty: it is as expected. */
function failureOf(
  { expected, expectedPolicyId }: TriedExpectation,
  decision: Decision,
  names: ReadonlyMap<string, string>,
): string {
  const isOutcome = decision.allowed === (expected === 'allow');
  const isPolicy = expectedPolicyId === null || decision.policy?.id === expectedPolicyId;
  if (isOutcome && isPolicy) return '';
  const by =
    expectedPolicyId === null ? '' : ` by “${names.get(expectedPolicyId) ?? expectedPolicyId}”`;
  return `Expected is ${expected}${by}; the decision is ${said(decision)}.`;
}

function tried(
  expectation: TriedExpectation,
  basis: PolicyBasis,
  set: PolicySet,
  principals: DescribedPrincipals,
  nowMs: number,
): ExpectationResult {
  const { call } = expectation;
  const calls = describedCalls(call, principals.of(call), basis, nowMs);
  if (!calls.ok) {
    const [first] = calls.violations;
    const failure = `The call can’t be made: ${first?.message ?? ''}`;
    return { expectation, passed: false, decision: undefined, failure };
  }
  const decision = decideCalls(set, calls.value);
  const names = new Map(basis.policies.map(({ id, name }) => [id, name]));
  const failure = failureOf(expectation, decision, names);
  return { expectation, passed: failure === '', decision, failure };
}

/** Tries expectations on the policies as `em` sees them; of one policy, or of all. */
async function tryExpectations(
  em: EntityManager,
  organizationId: string,
  policyId: string | null,
  nowMs: number,
): Promise<ExpectationResult[]> {
  const expectations = await em.execute<TriedExpectation[]>(selectExpectations, [
    ...[organizationId, policyId, policyId],
    expectationsMax,
  ]);
  if (expectations.length === 0) return [];
  const basis = await loadPolicyBasis(em, organizationId);
  if (basis === undefined) return [];
  const calls = expectations.map(({ call }) => call);
  const principals = await DescribedPrincipals.load(em, organizationId, calls);
  const turns = new Turns();
  const prepared = await prepareInTurns(basis.policies, turns);
  const set = await buildInTurns(prepared, basis.policyDefault, turns);
  const results: ExpectationResult[] = [];
  for (const expectation of expectations) {
    results.push(tried(expectation, basis, set, principals, nowMs));
    if (turns.over) await turns.next();
  }
  return results;
}

/** Tries the expectations of an organization, or of one of its policies, on its policies as they are. */
export function runExpectations(
  store: Store,
  organizationId: string,
  policyId: string | null,
  nowMs: number,
): Promise<ExpectationResult[]> {
  return store.withOrganization(organizationId, (em) =>
    tryExpectations(em, organizationId, policyId, nowMs),
  );
}

async function databaseNow(em: EntityManager): Promise<number> {
  const [row] = await em.execute<{ nowMs: string }[]>(
    `select floor(extract(epoch from now()) * 1000)::text as "nowMs"`,
  );
  return Number(row?.nowMs);
}

function nameOf({ expectation }: ExpectationResult): string {
  return `${expectation.policyName}/${expectation.name}`;
}

function violationOf(result: ExpectationResult): Violation {
  const { expectation, failure } = result;
  const text = `“${expectation.name}” of policy “${expectation.policyName}”: ${failure}`;
  return violation('force', 'EXPECTATION_FAILED', text);
}

function violationsOf(failed: readonly ExpectationResult[]): Violation[] {
  const named = failed.slice(0, namedMax).map(violationOf);
  const restCount = failed.length - named.length;
  if (restCount === 0) return named;
  return [...named, violation('force', 'EXPECTATION_FAILED', `And ${restCount} more.`)];
}

/**
 * Tries every expectation of an organization before a change of its policies is committed.
 * @param em the transaction of the change, which has written what it changes.
 * @param force failing ones don't refuse the change; its audit entry names them.
 */
export async function checkExpectations(
  em: EntityManager,
  organizationId: string,
  force: boolean,
): Promise<PolicyVerdict> {
  const results = await tryExpectations(em, organizationId, null, await databaseNow(em));
  const failed = results.filter(({ passed }) => !passed);
  if (failed.length === 0) return nothingTried;
  if (!force) return { violations: violationsOf(failed), details: {} };
  const names = failed.slice(0, namedMax).map(nameOf);
  const details = { forced: true, failedCount: failed.length, failedExpectations: names };
  return { violations: [], details };
}
