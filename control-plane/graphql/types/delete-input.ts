import { Field, ID, InputType, Int } from 'type-graphql';
import { payloadType } from './user-error.ts';

@InputType('DeleteInOrganizationInput', {
  description: 'Something of an organization to delete or to end.',
})
export class DeleteInOrganizationInput {
  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'What to delete.' })
  id!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;
}

@InputType('DeleteOnPlatformInput', {
  description: 'Something of the platform to delete or to end.',
})
export class DeleteOnPlatformInput {
  @Field(() => String, { description: 'What to delete.' })
  id!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;
}

export const DeletePayload = payloadType('DeletePayload', 'What became of a deletion.', {
  deletedId: { type: () => String, description: 'What was deleted.' },
});
