import { Arg, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { tryPolicy } from '../../policy/check-policy.ts';
import {
  createPolicyFromTemplate,
  type TemplatePolicy,
  templateDefinition,
} from '../../policy/policy-templates.ts';
import { policyTemplates } from '../../policy/ready-made-policies.ts';
import type { Policy } from '../../store/entities/policy.ts';
import type { PolicyDefinition } from '../../store/entities/policy-revision.ts';
import type { GraphqlContext } from '../context.ts';
import { PolicyDefinitionInput, PolicyPayload, PolicyType } from '../types/policy.ts';
import { PolicyFindingType, PolicyValidationType } from '../types/policy-finding.ts';
import {
  CreatePolicyFromTemplateInput,
  PolicyFromTemplatePayload,
  PolicyTemplateType,
} from '../types/policy-template.ts';
import { JsonObject } from '../types/scalars.ts';
import { payload } from '../types/user-error.ts';
import { findingView } from './finding-view.ts';
import { savedPolicy } from './policy-resolver.ts';

/** What the policy names is looked up: servers, what they offer, callers and keys. */
const validationCost = 100;

@Resolver(() => PolicyType)
export class PolicyValidationResolver {
  @FieldResolver(() => [PolicyFindingType], {
    complexity: validationCost,
    description:
      'What its author should know of it now: what it names may have gone since it was written.',
  })
  async findings(@Ctx() context: GraphqlContext, @Root() policy: Policy) {
    const { findings } = await tryPolicy(context.services.store, policy.organizationId, policy);
    return findings.map(findingView);
  }

  @Query(() => PolicyValidationType, {
    complexity: validationCost,
    description: 'What storing a policy would say, without storing it.',
  })
  async validatePolicy(
    @Ctx() context: GraphqlContext,
    @Arg('organizationId', () => ID, { description: 'The organization.' }) organizationId: string,
    @Arg('policy', () => PolicyDefinitionInput, { description: 'The policy.' })
    policy: PolicyDefinitionInput,
  ): Promise<PolicyValidationType> {
    const definition = policy as PolicyDefinition;
    const { store } = context.services;
    const { violations, findings } = await tryPolicy(store, organizationId, definition);
    const isSound = findings.every(({ severity }) => severity === 'warning');
    return {
      valid: violations.length === 0 && isSound,
      userErrors: [...violations],
      findings: findings.map(findingView),
    };
  }

  @Query(() => [PolicyTemplateType], { description: 'Ready-made policies.' })
  policyTemplates(): PolicyTemplateType[] {
    return policyTemplates.map(({ id, title, description, parameters }) => ({
      ...{ id, title, description },
      parameters: parameters.map(({ defaultValue, ...parameter }) => ({
        ...parameter,
        required: defaultValue === null,
        defaultValue: defaultValue === null ? null : JSON.stringify(defaultValue),
      })),
    }));
  }

  @Query(() => PolicyFromTemplatePayload, {
    description: 'What a ready-made policy says with these parameters, without storing it.',
  })
  policyFromTemplate(
    @Arg('template', () => String, { description: 'Id of the ready-made policy.' })
    template: string,
    @Arg('parameters', () => JsonObject, {
      nullable: true,
      description: 'Values of its parameters, by their names.',
    })
    parameters: Record<string, unknown> | null,
  ) {
    return payload(templateDefinition(template, parameters ?? {}), (policy) => ({ policy }));
  }

  @Mutation(() => PolicyPayload, {
    description:
      'Makes a policy of a ready-made one, the last one in the organization’s order; in shadow mode unless said otherwise.',
  })
  async createPolicyFromTemplate(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => CreatePolicyFromTemplateInput, { description: 'Which, and how.' })
    input: CreatePolicyFromTemplateInput,
  ) {
    const { actor } = await context.principal();
    const wanted = input as TemplatePolicy;
    const outcome = await createPolicyFromTemplate(context.services.policies, actor, wanted);
    return payload(outcome, savedPolicy);
  }
}
