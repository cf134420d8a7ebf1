import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { CallInput, DecisionCause, NamedPolicyType } from './policy-decision.ts';
import { PolicyEffect } from './policy-enums.ts';
import { DateTime, JsonObject } from './scalars.ts';
import { payloadType } from './user-error.ts';

const text = {
  name: 'What is expected, in words; unique beside its policy, at most 200 characters.',
  call: 'The call. Leave out nothing that a condition reads: what is left out is filled when it is tried.',
  expected: 'How it has to be decided.',
  expectedPolicyId: 'The policy that has to decide; null: any, or the default.',
} as const;

@ObjectType('PolicyExpectation', {
  description:
    'Given a call, a decision. All expectations of an organization are tried whenever its policies change.',
})
export class PolicyExpectationType {
  @Field(() => ID, { description: 'Identifies the expectation.' })
  id!: string;

  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The policy that it is kept beside, and deleted with.' })
  policyId!: string;

  @Field(() => String, { description: text.name })
  name!: string;

  @Field(() => JsonObject, { description: 'The call, with the fields of `CallInput`.' })
  call!: Readonly<Record<string, unknown>>;

  @Field(() => PolicyEffect, { description: text.expected })
  expected!: string;

  @Field(() => ID, { nullable: true, description: text.expectedPolicyId })
  expectedPolicyId!: string | null;

  @Field(() => DateTime, { description: 'When it was created.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it last changed.' })
  updatedAt!: Date;

  @Field(() => Int, {
    description: 'Counts changes; an update must name the version that it read.',
  })
  version!: number;
}

@InputType('CreatePolicyExpectationInput', { description: 'A new expectation.' })
export class CreatePolicyExpectationInput {
  @Field(() => ID, { description: 'The organization that it is to belong to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The policy that it is kept beside.' })
  policyId!: string;

  @Field(() => String, { description: text.name })
  name!: string;

  @Field(() => CallInput, { description: text.call })
  call!: CallInput;

  @Field(() => PolicyEffect, { description: text.expected })
  expected!: string;

  @Field(() => ID, { nullable: true, description: text.expectedPolicyId })
  expectedPolicyId?: string | null;
}

@InputType('UpdatePolicyExpectationInput', {
  description: 'Changes to an expectation; what is left out stays.',
})
export class UpdatePolicyExpectationInput {
  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The expectation.' })
  id!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => String, { nullable: true, description: text.name })
  name?: string | null;

  @Field(() => CallInput, { nullable: true, description: text.call })
  call?: CallInput | null;

  @Field(() => PolicyEffect, { nullable: true, description: text.expected })
  expected?: string | null;

  @Field(() => ID, { nullable: true, description: text.expectedPolicyId })
  expectedPolicyId?: string | null;
}

export const PolicyExpectationPayload = payloadType(
  'PolicyExpectationPayload',
  'What became of a change to an expectation.',
  { policyExpectation: { type: () => PolicyExpectationType, description: 'It as it is now.' } },
);

@ObjectType('PolicyExpectationResult', { description: 'What came of trying an expectation.' })
export class PolicyExpectationResultType {
  @Field(() => ID, { description: 'The expectation.' })
  expectationId!: string;

  @Field(() => ID, { description: 'The policy that it is kept beside.' })
  policyId!: string;

  @Field(() => String, { description: 'Name of that policy.' })
  policyName!: string;

  @Field(() => String, { description: 'Name of the expectation.' })
  name!: string;

  @Field(() => Boolean, { description: 'Whether the decision is as expected.' })
  passed!: boolean;

  @Field(() => String, { nullable: true, description: 'What is otherwise; null: nothing.' })
  failure!: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether the call is allowed; null: it can’t be made any more.',
  })
  allowed!: boolean | null;

  @Field(() => DecisionCause, {
    nullable: true,
    description: 'Why; null: it can’t be made any more.',
  })
  cause!: string | null;

  @Field(() => NamedPolicyType, { nullable: true, description: 'The policy that decides.' })
  policy!: NamedPolicyType | null;
}
