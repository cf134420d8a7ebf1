import { Arg, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import {
  createExpectation,
  deleteExpectation,
  type ExpectationChanges,
  listExpectations,
  type NewExpectation,
  updateExpectation,
} from '../../policy/expectation-changes.ts';
import { runExpectations } from '../../policy/expectations.ts';
import { findPolicies } from '../../policy/find-policies.ts';
import type { Policy } from '../../store/entities/policy.ts';
import type { GraphqlContext } from '../context.ts';
import { DeleteInOrganizationInput, DeletePayload } from '../types/delete-input.ts';
import { PolicyType } from '../types/policy.ts';
import {
  CreatePolicyExpectationInput,
  PolicyExpectationPayload,
  PolicyExpectationResultType,
  PolicyExpectationType,
  UpdatePolicyExpectationInput,
} from '../types/policy-expectation.ts';
import { payload } from '../types/user-error.ts';
import { resultView } from './decision-view.ts';

@Resolver()
export class PolicyExpectationResolver {
  @Query(() => [PolicyExpectationResultType], {
    nullable: true,
    complexity: 50,
    description:
      'Tries the expectations of an organization, or of one policy, on its policies as they are; null: there is no such policy.',
  })
  async runPolicyExpectations(
    @Ctx() context: GraphqlContext,
    @Arg('organizationId', () => ID, { description: 'The organization.' }) organizationId: string,
    @Arg('policyId', () => ID, { nullable: true, description: 'Only those beside this policy.' })
    policyId: string | null,
  ) {
    const { store, now } = context.services;
    if (policyId) {
      const [policy] = await findPolicies(store, organizationId, [policyId]);
      if (policy === undefined) return null;
    }
    const results = await runExpectations(store, organizationId, policyId ?? null, now());
    return results.map(resultView);
  }

  @Mutation(() => PolicyExpectationPayload, {
    description:
      'Keeps an expectation beside a policy. It need not hold yet; from now on it is tried whenever policies change. At most 500 in an organization.',
  })
  async createPolicyExpectation(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => CreatePolicyExpectationInput, { description: 'The expectation.' })
    input: CreatePolicyExpectationInput,
  ) {
    const { actor } = await context.principal();
    const { store } = context.services;
    const outcome = await createExpectation(store, actor, input as NewExpectation);
    return payload(outcome, (policyExpectation) => ({ policyExpectation }));
  }

  @Mutation(() => PolicyExpectationPayload, { description: 'Changes an expectation.' })
  async updatePolicyExpectation(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => UpdatePolicyExpectationInput, { description: 'The changes.' })
    input: UpdatePolicyExpectationInput,
  ) {
    const { actor } = await context.principal();
    const { store } = context.services;
    const outcome = await updateExpectation(store, actor, input as ExpectationChanges);
    return payload(outcome, (policyExpectation) => ({ policyExpectation }));
  }

  @Mutation(() => DeletePayload, { description: 'Deletes an expectation.' })
  async deletePolicyExpectation(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => DeleteInOrganizationInput, { description: 'The expectation.' })
    input: DeleteInOrganizationInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await deleteExpectation(context.services.store, actor, input);
    return payload(outcome, ({ id }) => ({ deletedId: id }));
  }
}

@Resolver(() => PolicyType)
export class PolicyExpectationsResolver {
  @FieldResolver(() => [PolicyExpectationType], {
    description: 'Expectations kept beside it, by name.',
  })
  expectations(@Ctx() context: GraphqlContext, @Root() policy: Policy) {
    return listExpectations(context.services.store, policy.organizationId, [policy.id]);
  }
}
