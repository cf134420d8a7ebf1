import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { PolicyFindingCode } from './policy-finding-code.ts';
import { UserErrorType } from './user-error.ts';

const PolicyFindingSeverity = { ERROR: 'error', WARNING: 'warning' } as const;

registerEnumType(PolicyFindingSeverity, {
  name: 'PolicyFindingSeverity',
  description: 'What follows from a finding.',
  valuesConfig: {
    ERROR: { description: 'The policy can’t be stored like this.' },
    WARNING: { description: 'It can be stored, and may not do what is meant.' },
  },
});

@ObjectType('PolicyFinding', {
  description: 'Something about a policy that its author should know.',
})
export class PolicyFindingType {
  @Field(() => PolicyFindingSeverity, { description: 'What follows from it.' })
  severity!: string;

  @Field(() => PolicyFindingCode, { description: 'What was found, for programs.' })
  code!: string;

  @Field(() => [String], {
    description: 'Where in the policy, such as `["condition"]` or `["tools", "0"]`.',
  })
  path!: readonly string[];

  @Field(() => String, { description: 'What was found, for people.' })
  message!: string;

  @Field(() => Int, { nullable: true, description: 'Line in the condition, from 1.' })
  line!: number | null;

  @Field(() => Int, { nullable: true, description: 'Column in that line, from 1.' })
  column!: number | null;

  @Field(() => String, { nullable: true, description: 'What to write instead, if that is known.' })
  hint!: string | null;
}

@ObjectType('PolicyValidation', { description: 'What storing a policy would say.' })
export class PolicyValidationType {
  @Field(() => Boolean, { description: 'Whether it could be stored.' })
  valid!: boolean;

  @Field(() => [UserErrorType], {
    description: 'What is wrong with its form; while something is, nothing else is looked at.',
  })
  userErrors!: readonly UserErrorType[];

  @Field(() => [PolicyFindingType], { description: 'What was found: errors first.' })
  findings!: readonly PolicyFindingType[];
}
