import type { EntityManager } from '@mikro-orm/postgresql';
import type { JsonObject } from '../audit/canonical-json.ts';
import { type AuditedFields, auditedChange, auditedFields } from '../audit/field-changes.ts';
import { orRefused, Refusal } from '../input/refusal.ts';
import { orTaken } from '../input/unique-violation.ts';
import type { Outcome } from '../input/violation.ts';
import type { AuditEvent } from '../store/append-audit-entry.ts';
import type { ChangedResource } from '../store/changed-resource.ts';
import { commitChange } from '../store/commit-change.ts';
import type { Policy } from '../store/entities/policy.ts';
import { PolicyRevision } from '../store/entities/policy-revision.ts';
import type { Store } from '../store/store.ts';
import { lockUntilCommit } from '../store/transaction-locks.ts';
import { checkExpectations } from './expectations.ts';
import { definitionNames, definitionOf } from './policy-definition.ts';

export interface PolicyDependencies {
  readonly store: Store;
  /** Policies of one organization. */
  readonly policiesMax: number;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

const taken = { policies_organization_id_name_key: 'name' };

/**
 * Runs a change of an organization's policies while no other changes any of them: the order, the expectations
 * and the bound on their number are about all of them together.
 */
export async function changingPolicies<T>(
  store: Store,
  organizationId: string,
  work: (em: EntityManager) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  return orRefused(() =>
    orTaken(taken, () =>
      store.withOrganization(organizationId, async (em) => {
        await lockUntilCommit(em, 'policies', organizationId.toLowerCase());
        return work(em);
      }),
    ),
  );
}

/** A policy as its audit entries know it. */
export function auditedPolicy(policy: Policy): AuditedFields {
  return auditedFields(policy, [...definitionNames, 'position']);
}

/** A policy that changed, or was made or deleted, and what is to be written of it. */
export interface PolicyChange {
  readonly actor: AuditEvent['actor'];
  readonly action: 'policy.create' | 'policy.update' | 'policy.move' | 'policy.delete';
  /** As it is now; a deleted one as it was last. */
  readonly policy: Policy;
  /** Null: it is new. */
  readonly before: AuditedFields | null;
  /** The revision that what it says now has; undefined: it says what it said. */
  readonly revision?: Pick<PolicyRevision, 'revision' | 'change'> | undefined;
  /** Facts about the change that are no fields of the policy. */
  readonly details?: JsonObject;
  /** What else it touched. */
  readonly resources?: readonly ChangedResource[];
  /** Expectations that fail don't refuse it. */
  readonly force?: boolean | undefined;
}

/**
 * Ends a transaction that changed policies: tries the expectations on them as they are now, then writes
 * history, audit entry and revision. The last call of `changingPolicies`.
 */
export async function commitPolicyChange(
  em: EntityManager,
  change: PolicyChange,
): Promise<{ revision: number }> {
  const { actor, action, policy, before, revision: said } = change;
  const { organizationId, id: policyId } = policy;
  await em.flush();
  const expectations = await checkExpectations(em, organizationId, change.force ?? false);
  if (expectations.violations.length > 0) throw new Refusal(expectations.violations);
  if (said !== undefined) {
    em.create(PolicyRevision, {
      ...{ organizationId, policyId, ...said },
      definition: definitionOf(policy),
      actor: `${actor.kind}:${actor.id}`,
      changedAt: new Date(),
      configRevision: null,
    });
  }
  const after = action === 'policy.delete' ? null : auditedPolicy(policy);
  const { revision } = await commitChange(em, {
    organizationId,
    actor,
    action,
    target: { type: 'policy', id: policyId, label: policy.name },
    ...auditedChange(before, after, { ...change.details, ...expectations.details }),
    resources: [{ kind: 'policy', id: policyId }, ...(change.resources ?? [])],
  });
  if (said !== undefined) {
    // This transaction's own row, and no column of a key: it waits for nobody.
    const written = { organizationId, policyId, revision: said.revision };
    await em.nativeUpdate(PolicyRevision, written, { configRevision: revision });
  }
  return { revision };
}
