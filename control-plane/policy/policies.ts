import { containsText, findPage, type Keyset } from '../input/find-page.ts';
import { lockVersion } from '../input/lock-version.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isStorableText, isUuid } from '../input/text-rules.ts';
import { done, notFound, type Outcome, refused, violation } from '../input/violation.ts';
import type { AuditEvent } from '../store/append-audit-entry.ts';
import { Policy } from '../store/entities/policy.ts';
import type { PolicyDefinition } from '../store/entities/policy-revision.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import {
  auditedPolicy,
  changingPolicies,
  commitPolicyChange,
  type PolicyDependencies,
} from './policy-change.ts';
import { definitionOf } from './policy-definition.ts';
import { validatePolicyForm } from './policy-form.ts';
import { freePosition, type PolicyPlace } from './policy-order.ts';

/** Policies in the organization's order. */
export const policyOrder: Keyset = {
  keys: [{ property: 'position', kind: 'integer' }],
  descending: false,
};

export interface PolicyFilterFields {
  readonly enabled?: boolean | null | undefined;
  readonly mode?: Policy['mode'] | null | undefined;
  readonly effect?: Policy['effect'] | null | undefined;
  readonly search?: string | null | undefined;
}

function where(organizationId: string, filter: PolicyFilterFields): object {
  const conditions: object[] = [{ organizationId }];
  const search = filter.search ?? '';
  if (search !== '' && isStorableText(search)) {
    const found = containsText(search);
    conditions.push({ $or: [{ name: found }, { description: found }, { condition: found }] });
  }
  if (typeof filter.enabled === 'boolean') conditions.push({ enabled: filter.enabled });
  if (filter.mode) conditions.push({ mode: filter.mode });
  if (filter.effect) conditions.push({ effect: filter.effect });
  return { $and: conditions };
}

export function listPolicies(
  store: Store,
  organizationId: string,
  filter: PolicyFilterFields,
  page: PageRequest,
): Promise<Page<Policy>> {
  return store.withOrganization(organizationId, (em) =>
    findPage(em, Policy, where(organizationId, filter), policyOrder, page),
  );
}

/** Policies by id, in no order; ids that name none are left out. */
export async function findPolicies(
  store: Store,
  organizationId: string,
  ids: readonly string[],
): Promise<Policy[]> {
  const wanted = ids.filter(isUuid);
  if (wanted.length === 0) return [];
  return store.withOrganization(organizationId, (em) =>
    em.find(Policy, { organizationId, id: { $in: wanted } }),
  );
}

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
}

export interface NewPolicy extends PolicyDefinition {
  readonly organizationId: string;
}

/** Makes a policy, the last one in the organization's order. */
export async function createPolicy(
  deps: PolicyDependencies,
  actor: AuditEvent['actor'],
  input: NewPolicy,
): Promise<Outcome<SavedPolicy>> {
  const { organizationId } = input;
  const violations = validatePolicyForm(input);
  if (violations.length > 0) return { ok: false, violations };
  return changingPolicies(deps.store, organizationId, async (em) => {
    if ((await em.count(Policy, { organizationId })) >= deps.policiesMax) {
      const text = `An organization has at most ${deps.policiesMax} policies.`;
      return refused(violation('organizationId', 'TOO_MANY', text));
    }
    const free = await freePosition(em, organizationId, { kind: 'last' }, null);
    if (free === undefined) throw new Error('There is always a last place.');
    const policy = em.create(Policy, {
      ...{ organizationId, id: uuidV7(), revision: 1, position: free.position },
      ...rowFields(input),
    });
    const { revision } = await commitPolicyChange(em, {
      ...{ actor, policy, resources: free.resources },
      action: 'policy.create',
      before: null,
      revision: { revision: 1, change: 'created' },
    });
    return done({ policy, revision });
  });
}

export interface PolicyVersion {
  readonly organizationId: string;
  readonly id: string;
  readonly version: number;
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
    const violations = validatePolicyForm(fields);
    if (violations.length > 0) return { ok: false, violations };
    const before = auditedPolicy(policy);
    const isRevised = !saysTheSame(policy, fields);
    if (isRevised) em.assign(policy, { ...rowFields(fields), revision: policy.revision + 1 });
    const { revision } = await commitPolicyChange(em, {
      ...{ actor, policy, before },
      action: 'policy.update',
      revision: isRevised ? { revision: policy.revision, change: 'updated' } : undefined,
    });
    return done({ policy, revision });
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
      ...{ actor, policy, before, resources: free.resources },
      action: 'policy.move',
    });
    return done({ policy, revision });
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
      ...{ actor, policy },
      action: 'policy.delete',
      before: auditedPolicy(policy),
      revision: { revision: policy.revision + 1, change: 'deleted' },
    });
    return done({ policy, revision });
  });
}
