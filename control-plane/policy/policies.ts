import { lockVersion } from '../input/lock-version.ts';
import { isUuid } from '../input/text-rules.ts';
import { done, notFound, type Outcome, refused, violation } from '../input/violation.ts';
import type { AuditEvent } from '../store/append-audit-entry.ts';
import { Policy } from '../store/entities/policy.ts';
import type { PolicyDefinition } from '../store/entities/policy-revision.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import { checkPolicy } from './check-policy.ts';
import {
  auditedPolicy,
  changingPolicies,
  commitPolicyChange,
  type PolicyDependencies,
} from './policy-change.ts';
import { definitionOf } from './policy-definition.ts';
import { freePosition, type PolicyPlace } from './policy-order.ts';
import type { PolicyFinding } from './validation/finding.ts';

/** The arrays of rows can be written, those of inputs can't. */
function rowFields(fields: PolicyDefinition) {
  return {
    ...definitionOf(fields),
    servers: [...fields.servers],
    methods: [...fields.methods],
    tools: [...fields.tools],
    resources: [...fields.resources],
    prompts: [...fields.prompts],
    roles: [...fields.roles],
    subjects: [...fields.subjects],
    apiKeys: [...fields.apiKeys],
  };
}

/** A policy as it is after a change, and the change's revision. */
export interface SavedPolicy {
  readonly policy: Policy;
  readonly revision: number;
  /** What its author should know. */
  readonly warnings: readonly PolicyFinding[];
}

export interface NewPolicy extends PolicyDefinition {
  readonly organizationId: string;
  /** The ready-made policy that it was made of. */
  readonly template?: string;
  /** Expectations that fail don't refuse it. */
  readonly force?: boolean | null | undefined;
}

/** Makes a policy, the last one in the organization's order. */
export async function createPolicy(
  deps: PolicyDependencies,
  actor: AuditEvent['actor'],
  input: NewPolicy,
): Promise<Outcome<SavedPolicy>> {
  const { organizationId, template } = input;
  return changingPolicies(deps.store, organizationId, async (em) => {
    if ((await em.count(Policy, { organizationId })) >= deps.policiesMax) {
      const text = `An organization has at most ${deps.policiesMax} policies.`;
      return refused(violation('organizationId', 'TOO_MANY', text));
    }
    const { violations, warnings } = await checkPolicy(em, organizationId, input);
    if (violations.length > 0) return { ok: false, violations };
    const free = await freePosition(em, organizationId, { kind: 'last' }, null);
    if (free === undefined) throw new Error('There is always a last place.');
    const policy = em.create(Policy, {
      ...{ organizationId, id: uuidV7(), revision: 1, position: free.position },
      ...rowFields(input),
    });
    const { revision } = await commitPolicyChange(em, {
      ...{ actor, policy, resources: free.resources, force: input.force === true },
      action: 'policy.create',
      before: null,
      details: template === undefined ? {} : { template },
      revision: { revision: 1, change: 'created' },
    });
    return done({ policy, revision, warnings });
  });
}

export interface PolicyVersion {
  readonly organizationId: string;
  readonly id: string;
  readonly version: number;
  /** Expectations that fail don't refuse the change. */
  readonly force?: boolean | null | undefined;
}

/** What is undefined or null stays. */
export type PolicyChanges = PolicyVersion & {
  readonly [Name in keyof PolicyDefinition]?: PolicyDefinition[Name] | null | undefined;
};

function merged(before: PolicyDefinition, input: PolicyChanges): PolicyDefinition {
  const given = Object.entries(input).filter(([, value]) => value !== undefined && value !== null);
  return definitionOf({ ...before, ...Object.fromEntries(given) });
}

function saysTheSame(a: PolicyDefinition, b: PolicyDefinition): boolean {
  return JSON.stringify(definitionOf(a)) === JSON.stringify(definitionOf(b));
}

/** Changes what a policy says; whether it is enabled is a part of that. */
export async function updatePolicy(
  deps: PolicyDependencies,
  actor: AuditEvent['actor'],
  input: PolicyChanges,
): Promise<Outcome<SavedPolicy>> {
  return changingPolicies(deps.store, input.organizationId, async (em) => {
    const locked = await lockVersion(em, Policy, input, 'policy');
    if (!locked.ok) return locked;
    const policy = locked.value;
    const fields = merged(policy, input);
    const { violations, warnings } = await checkPolicy(em, input.organizationId, fields, policy);
    if (violations.length > 0) return { ok: false, violations };
    const before = auditedPolicy(policy);
    const isRevised = !saysTheSame(policy, fields);
    if (isRevised) em.assign(policy, { ...rowFields(fields), revision: policy.revision + 1 });
    const { revision } = await commitPolicyChange(em, {
      ...{ actor, policy, before, force: input.force === true },
      action: 'policy.update',
      revision: isRevised ? { revision: policy.revision, change: 'updated' } : undefined,
    });
    return done({ policy, revision, warnings });
  });
}

export interface PolicyMove extends PolicyVersion {
  readonly place: PolicyPlace;
}

/** Gives a policy another place in the organization's order. What it says stays. */
export async function movePolicy(
  deps: PolicyDependencies,
  actor: AuditEvent['actor'],
  input: PolicyMove,
): Promise<Outcome<SavedPolicy>> {
  const { organizationId, place } = input;
  const anchor = 'policyId' in place ? place.policyId : undefined;
  if (anchor !== undefined && !isUuid(anchor)) return refused(notFound('besideId', 'policy'));
  return changingPolicies(deps.store, organizationId, async (em) => {
    const locked = await lockVersion(em, Policy, input, 'policy');
    if (!locked.ok) return locked;
    const policy = locked.value;
    const before = auditedPolicy(policy);
    const free = await freePosition(em, organizationId, place, policy.id);
    if (free === undefined) return refused(notFound('besideId', 'other policy'));
    // Renumbered, it stands elsewhere already.
    if (free.resources.length > 0) await em.refresh(policy);
    policy.position = free.position;
    const { revision } = await commitPolicyChange(em, {
      ...{ actor, policy, before, resources: free.resources, force: input.force === true },
      action: 'policy.move',
    });
    return done({ policy, revision, warnings: [] });
  });
}

/** Deletes a policy and its expectations; its history stays. */
export async function deletePolicy(
  deps: PolicyDependencies,
  actor: AuditEvent['actor'],
  input: PolicyVersion,
): Promise<Outcome<SavedPolicy>> {
  const { organizationId, id } = input;
  return changingPolicies(deps.store, organizationId, async (em) => {
    const locked = await lockVersion(em, Policy, input, 'policy');
    if (!locked.ok) return locked;
    const policy = locked.value;
    await em.nativeDelete(Policy, { organizationId, id });
    const { revision } = await commitPolicyChange(em, {
      ...{ actor, policy, force: input.force === true },
      action: 'policy.delete',
      before: auditedPolicy(policy),
      revision: { revision: policy.revision + 1, change: 'deleted' },
    });
    return done({ policy, revision, warnings: [] });
  });
}
