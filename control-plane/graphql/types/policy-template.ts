import { Field, ID, InputType, ObjectType, registerEnumType } from 'type-graphql';
import { templateParameterKinds } from '../../policy/template-parameters.ts';
import { forceText, PolicyDefinitionType } from './policy.ts';
import { PolicyMode } from './policy-enums.ts';
import { JsonObject } from './scalars.ts';
import { payloadType } from './user-error.ts';

const PolicyTemplateParameterKind = Object.fromEntries(
  templateParameterKinds.map((kind) => [kind, kind]),
);

registerEnumType(PolicyTemplateParameterKind, {
  name: 'PolicyTemplateParameterKind',
  description: 'What a parameter of a ready-made policy takes.',
  valuesConfig: {
    TEXT: { description: 'A text.' },
    TEXT_LIST: { description: 'A list of texts.' },
    INT: { description: 'An integer.' },
    INT_LIST: { description: 'A list of integers.' },
  },
});

@ObjectType('PolicyTemplateParameter', {
  description: 'A word that a ready-made policy leaves open.',
})
export class PolicyTemplateParameterType {
  @Field(() => String, { description: 'Its name.' })
  name!: string;

  @Field(() => String, { description: 'What it is, for people.' })
  description!: string;

  @Field(() => PolicyTemplateParameterKind, { description: 'What it takes.' })
  kind!: string;

  @Field(() => Boolean, { description: 'Whether it has to be given.' })
  required!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'What it is when it is not given, as JSON; null: it has to be given.',
  })
  defaultValue!: string | null;
}

@ObjectType('PolicyTemplate', { description: 'A ready-made policy.' })
export class PolicyTemplateType {
  @Field(() => ID, { description: 'Identifies it, such as `read-only-agents`.' })
  id!: string;

  @Field(() => String, { description: 'Name for people.' })
  title!: string;

  @Field(() => String, { description: 'What it does.' })
  description!: string;

  @Field(() => [PolicyTemplateParameterType], { description: 'What it leaves open.' })
  parameters!: PolicyTemplateParameterType[];
}

@InputType('CreatePolicyFromTemplateInput', { description: 'A ready-made policy to make.' })
export class CreatePolicyFromTemplateInput {
  @Field(() => ID, { description: 'The organization that it is to belong to.' })
  organizationId!: string;

  @Field(() => String, { description: 'Id of the ready-made policy.' })
  template!: string;

  @Field(() => JsonObject, {
    nullable: true,
    description: 'Values of its parameters, by their names.',
  })
  parameters?: Record<string, unknown> | null;

  @Field(() => String, {
    nullable: true,
    description: 'Slug of the policy, unique in the organization; left out: the template’s id.',
  })
  name?: string | null;

  @Field(() => PolicyMode, {
    defaultValue: 'shadow',
    description: 'Whether it decides; in shadow mode at first, so that its effect can be seen.',
  })
  mode!: string;

  @Field(() => Boolean, { defaultValue: true, description: 'Whether nodes know it at all.' })
  enabled!: boolean;

  @Field(() => Boolean, { nullable: true, description: forceText })
  force?: boolean | null;
}

export const PolicyFromTemplatePayload = payloadType(
  'PolicyFromTemplatePayload',
  'What a ready-made policy says with these parameters.',
  {
    policy: {
      type: () => PolicyDefinitionType,
      description: 'The policy as it would be made, in shadow mode and enabled.',
    },
  },
);
