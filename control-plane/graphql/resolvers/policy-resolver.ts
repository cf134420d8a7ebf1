import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { type Outcome, refused, violation } from '../../input/violation.ts';
import {
  findPolicies,
  listPolicies,
  type PolicyFilterFields,
  policyOrder,
} from '../../policy/find-policies.ts';
import {
  createPolicy,
  deletePolicy,
  movePolicy,
  type NewPolicy,
  type PolicyChanges,
  type SavedPolicy,
  updatePolicy,
} from '../../policy/policies.ts';
import type { PolicyPlace } from '../../policy/policy-order.ts';
import type { Organization } from '../../store/entities/organization.ts';
import type { GraphqlContext } from '../context.ts';
import { connection, PageArgs } from '../types/connection.ts';
import { DeletePayload } from '../types/delete-input.ts';
import { OrganizationType } from '../types/organization.ts';
import {
  CreatePolicyInput,
  DeletePolicyInput,
  MovePolicyInput,
  PolicyConnection,
  PolicyFilter,
  PolicyPayload,
  PolicyType,
  UpdatePolicyInput,
} from '../types/policy.ts';
import { payload } from '../types/user-error.ts';
import { findingView } from './finding-view.ts';
import { pageOf } from './page-of.ts';

/** The place that an input names, or what is wrong with it. */
function placeOf({ place, besideId }: MovePolicyInput): Outcome<PolicyPlace> {
  const kind = place as PolicyPlace['kind'];
  const policyId = besideId ?? undefined;
  if (kind === 'before' || kind === 'after') {
    if (policyId !== undefined) return { ok: true, value: { kind, policyId } };
    return refused(
      violation('besideId', 'REQUIRED', 'Name the policy that it is to stand beside.'),
    );
  }
  if (policyId === undefined) return { ok: true, value: { kind } };
  return refused(violation('besideId', 'INVALID_FORMAT', 'An end of the order is beside nothing.'));
}

/** A saved policy as mutations answer it. */
export function savedPolicy({ policy, revision, warnings }: SavedPolicy) {
  return { policy, revision, warnings: warnings.map(findingView) };
}

@Resolver()
export class PolicyResolver {
  @Query(() => PolicyType, { nullable: true, description: 'A policy, or null.' })
  async policy(
    @Ctx() context: GraphqlContext,
    @Arg('organizationId', () => ID, { description: 'The organization.' }) organizationId: string,
    @Arg('id', () => ID, { description: 'The policy.' }) id: string,
  ) {
    const [policy] = await findPolicies(context.services.store, organizationId, [id]);
    return policy ?? null;
  }

  @Mutation(() => PolicyPayload, {
    description: 'Makes a policy, the last one in the organization’s order.',
  })
  async createPolicy(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => CreatePolicyInput, { description: 'The policy.' })
    input: CreatePolicyInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await createPolicy(context.services.policies, actor, input as NewPolicy);
    return payload(outcome, savedPolicy);
  }

  @Mutation(() => PolicyPayload, {
    description: 'Changes what a policy says, or whether it is enabled: a new revision of it.',
  })
  async updatePolicy(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => UpdatePolicyInput, { description: 'The changes.' })
    input: UpdatePolicyInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await updatePolicy(context.services.policies, actor, input as PolicyChanges);
    return payload(outcome, savedPolicy);
  }

  @Mutation(() => PolicyPayload, {
    description:
      'Gives a policy another place in the organization’s order. Which policy decides a call may change, whether the call is allowed does not.',
  })
  async movePolicy(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => MovePolicyInput, { description: 'The place.' })
    input: MovePolicyInput,
  ) {
    const { actor } = await context.principal();
    const place = placeOf(input);
    const outcome = place.ok
      ? await movePolicy(context.services.policies, actor, { ...input, place: place.value })
      : place;
    return payload(outcome, savedPolicy);
  }

  @Mutation(() => DeletePayload, {
    description: 'Deletes a policy with its expectations. Its history stays.',
  })
  async deletePolicy(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => DeletePolicyInput, { description: 'The policy.' })
    input: DeletePolicyInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await deletePolicy(context.services.policies, actor, input);
    return payload(outcome, ({ policy }) => ({ deletedId: policy.id }));
  }
}

@Resolver(() => OrganizationType)
export class OrganizationPoliciesResolver {
  @FieldResolver(() => PolicyConnection, { description: 'Its policies, in their order.' })
  async policies(
    @Ctx() context: GraphqlContext,
    @Root() organization: Organization,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => PolicyFilter, { nullable: true, description: 'Which to list.' })
    filter: PolicyFilter | null,
  ) {
    const request = pageOf(context, page, policyOrder);
    const fields = (filter ?? {}) as PolicyFilterFields;
    const found = await listPolicies(context.services.store, organization.id, fields, request);
    return connection(found, ({ position }) => [String(position)]);
  }
}
