import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionType } from './connection.ts';
import { PolicyDefinitionType } from './policy.ts';
import { DateTime, SafeInt } from './scalars.ts';

const PolicyRevisionChange = {
  CREATED: 'created',
  UPDATED: 'updated',
  DELETED: 'deleted',
} as const;

registerEnumType(PolicyRevisionChange, {
  name: 'PolicyRevisionChange',
  description: 'What made a revision of a policy.',
  valuesConfig: {
    CREATED: { description: 'The policy was made.' },
    UPDATED: { description: 'It was changed, enabled or disabled.' },
    DELETED: { description: 'It was deleted; the revision holds what it said last.' },
  },
});

@ObjectType('PolicyFieldChange', { description: 'What a revision changed about one field.' })
export class PolicyFieldChangeType {
  @Field(() => String, { description: 'Name of the field.' })
  field!: string;

  @Field(() => String, {
    nullable: true,
    description: 'What it was; null for a list, and where there was no policy.',
  })
  before!: string | null;

  @Field(() => String, { nullable: true, description: 'What it is; null for a list.' })
  after!: string | null;

  @Field(() => [String], { description: 'What a list gained.' })
  added!: readonly string[];

  @Field(() => [String], { description: 'What a list lost.' })
  removed!: readonly string[];
}

@ObjectType('PolicyRevision', {
  description: 'What a policy said at one of its revisions. It outlives the policy.',
})
export class PolicyRevisionType {
  @Field(() => ID, { description: 'The policy, which may be deleted since.' })
  policyId!: string;

  @Field(() => Int, { description: 'Number of the revision, as records of calls name it.' })
  revision!: number;

  @Field(() => PolicyRevisionChange, { description: 'What made it.' })
  change!: string;

  @Field(() => String, { description: 'Who made it, such as `user:<id>`.' })
  actor!: string;

  @Field(() => DateTime, { description: 'When.' })
  changedAt!: Date;

  @Field(() => SafeInt, {
    nullable: true,
    description: 'Revision of the configuration that it came with, as `rollout` takes it.',
  })
  configRevision!: number | null;

  @Field(() => PolicyDefinitionType, { description: 'All that the policy said.' })
  definition!: PolicyDefinitionType;

  @Field(() => [PolicyFieldChangeType], {
    description: 'What differs from the revision before, field by field; nothing for a deletion.',
  })
  changes!: PolicyFieldChangeType[];
}

export const PolicyRevisionConnection = connectionType(
  'PolicyRevision',
  () => PolicyRevisionType,
  'a policy’s revisions, latest first',
);
