import type { EntityManager } from '@mikro-orm/postgresql';
import { type AuditedFields, auditedChange, auditedFields } from '../audit/field-changes.ts';
import { lockVersion } from '../input/lock-version.ts';
import { isStorableText, isUuid } from '../input/text-rules.ts';
import { orTaken } from '../input/unique-violation.ts';
import {
  done,
  notFound,
  type Outcome,
  refused,
  type Violation,
  violation,
} from '../input/violation.ts';
import type { AuditEvent } from '../store/append-audit-entry.ts';
import { commitChange } from '../store/commit-change.ts';
import { Policy } from '../store/entities/policy.ts';
import { PolicyExpectation } from '../store/entities/policy-expectation.ts';
import type { Store } from '../store/store.ts';
import { lockUntilCommit } from '../store/transaction-locks.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import { type CallDescription, validateCall } from './call-description.ts';
import { expectationsMax } from './expectations.ts';

const nameLengthMax = 200;

/** What an expectation says. */
export interface ExpectationFields {
  readonly name: string;
  readonly call: CallDescription;
  readonly expected: PolicyExpectation['expected'];
  /** The policy that has to decide; null: any, or the default. */
  readonly expectedPolicyId?: string | null | undefined;
}

export interface NewExpectation extends ExpectationFields {
  readonly organizationId: string;
  readonly policyId: string;
}

const taken = { policy_expectations_organization_id_policy_id_name_key: 'name' };

function validateName(name: string): Violation[] {
  if (name.trim() === '') return [violation('name', 'REQUIRED', 'The expectation needs a name.')];
  if (name.length > nameLengthMax) {
    return [violation('name', 'TOO_LONG', `At most ${nameLengthMax} characters are allowed.`)];
  }
  if (isStorableText(name)) return [];
  return [violation('name', 'INVALID_FORMAT', 'Control characters are not allowed.')];
}

function validate({ name, call }: ExpectationFields): Violation[] {
  const ofCall = validateCall(call).map((each) => ({ ...each, path: ['call', ...each.path] }));
  return [...validateName(name), ...ofCall];
}

/** The call as it is kept: nothing but what was given, times as text. */
function keptCall(call: CallDescription): Readonly<Record<string, unknown>> {
  const given = (fields: object) =>
    Object.fromEntries(
      Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
    );
  const at = call.at ? new Date(call.at).toISOString() : undefined;
  return given({ ...call, principal: given(call.principal), at });
}

function audited(row: PolicyExpectation): AuditedFields {
  return auditedFields(row, ['policyId', 'name', 'call', 'expected', 'expectedPolicyId']);
}

async function hasPolicy(em: EntityManager, organizationId: string, id: string): Promise<boolean> {
  return isUuid(id) && (await em.count(Policy, { organizationId, id })) > 0;
}

/** What an expectation refers to has to exist. */
async function validateReferences(
  em: EntityManager,
  organizationId: string,
  policyId: string,
  expectedPolicyId: string | null | undefined,
): Promise<Violation[]> {
  if (!(await hasPolicy(em, organizationId, policyId))) return [notFound('policyId', 'policy')];
  if (!expectedPolicyId || (await hasPolicy(em, organizationId, expectedPolicyId))) return [];
  return [notFound('expectedPolicyId', 'policy')];
}

/** Runs a change while no other changes the organization's policies or expectations. */
function changing<T>(
  store: Store,
  organizationId: string,
  work: (em: EntityManager) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  return orTaken(taken, () =>
    store.withOrganization(organizationId, async (em) => {
      await lockUntilCommit(em, 'policies', organizationId.toLowerCase());
      return work(em);
    }),
  );
}

async function commit(
  em: EntityManager,
  actor: AuditEvent['actor'],
  action: string,
  row: PolicyExpectation,
  before: AuditedFields | null,
): Promise<void> {
  await em.flush();
  const after = action === 'policy_expectation.delete' ? null : audited(row);
  await commitChange(em, {
    organizationId: row.organizationId,
    actor,
    action,
    target: { type: 'policy_expectation', id: row.id, label: row.name },
    ...auditedChange(before, after),
    // Nodes hear nothing of expectations.
    resources: [],
  });
}

/**
 * Keeps an expectation beside a policy. It need not hold now: what it is for may still have to be written. From
 * now on it is tried whenever a policy of the organization changes.
 */
export async function createExpectation(
  store: Store,
  actor: AuditEvent['actor'],
  input: NewExpectation,
): Promise<Outcome<PolicyExpectation>> {
  const { organizationId, policyId, name, call, expected } = input;
  const expectedPolicyId = input.expectedPolicyId ?? null;
  const violations = validate(input);
  if (violations.length > 0) return { ok: false, violations };
  return changing(store, organizationId, async (em) => {
    const missing = await validateReferences(em, organizationId, policyId, expectedPolicyId);
    if (missing.length > 0) return { ok: false, violations: missing };
    if ((await em.count(PolicyExpectation, { organizationId })) >= expectationsMax) {
      const text = `An organization has at most ${expectationsMax} expectations.`;
      return refused(violation('organizationId', 'TOO_MANY', text));
    }
    const row = em.create(PolicyExpectation, {
      ...{ organizationId, id: uuidV7(), policyId, name, expected, expectedPolicyId },
      call: keptCall(call),
    });
    await commit(em, actor, 'policy_expectation.create', row, null);
    return done(row);
  });
}

interface ExpectationVersion {
  readonly organizationId: string;
  readonly id: string;
  readonly version: number;
}

/** What is undefined stays; null, too, but for `expectedPolicyId`, which it takes away. */
export type ExpectationChanges = ExpectationVersion & {
  readonly [Name in keyof ExpectationFields]?: ExpectationFields[Name] | null | undefined;
};

export async function updateExpectation(
  store: Store,
  actor: AuditEvent['actor'],
  input: ExpectationChanges,
): Promise<Outcome<PolicyExpectation>> {
  const { organizationId } = input;
  return changing(store, organizationId, async (em) => {
    const locked = await lockVersion(em, PolicyExpectation, input, 'expectation');
    if (!locked.ok) return locked;
    const row = locked.value;
    const fields = {
      name: input.name ?? row.name,
      call: input.call ?? (row.call as unknown as CallDescription),
      expected: input.expected ?? row.expected,
      expectedPolicyId:
        input.expectedPolicyId === undefined ? row.expectedPolicyId : input.expectedPolicyId,
    };
    const { policyId } = row;
    const wrong = [
      ...validate(fields),
      ...(await validateReferences(em, organizationId, policyId, fields.expectedPolicyId)),
    ];
    if (wrong.length > 0) return { ok: false, violations: wrong };
    const before = audited(row);
    em.assign(row, { ...fields, call: keptCall(fields.call) });
    await commit(em, actor, 'policy_expectation.update', row, before);
    return done(row);
  });
}

export async function deleteExpectation(
  store: Store,
  actor: AuditEvent['actor'],
  input: ExpectationVersion,
): Promise<Outcome<PolicyExpectation>> {
  const { organizationId, id } = input;
  return changing(store, organizationId, async (em) => {
    const locked = await lockVersion(em, PolicyExpectation, input, 'expectation');
    if (!locked.ok) return locked;
    const row = locked.value;
    await em.nativeDelete(PolicyExpectation, { organizationId, id });
    await commit(em, actor, 'policy_expectation.delete', row, audited(row));
    return done(row);
  });
}

/** Expectations of some policies, in the order of their names. */
export function listExpectations(
  store: Store,
  organizationId: string,
  policyIds: readonly string[],
): Promise<PolicyExpectation[]> {
  return store.withOrganization(organizationId, (em) =>
    em.find(
      PolicyExpectation,
      { organizationId, policyId: { $in: policyIds.filter(isUuid) } },
      { orderBy: { name: 'asc', id: 'asc' } },
    ),
  );
}
