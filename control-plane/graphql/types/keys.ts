import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { KeyPhase as Phase } from '../../store/key-phases.ts';
import { DateTime } from './scalars.ts';
import { payloadType } from './user-error.ts';

const KeyPhase = { PUBLISHED: 'published', ACTIVE: 'active', RETIRED: 'retired' } as const;

registerEnumType(KeyPhase, {
  name: 'KeyPhase',
  description: 'Where a key stands in its life.',
  valuesConfig: {
    PUBLISHED: { description: 'Everybody is told of it; it is not used yet.' },
    ACTIVE: { description: 'In use.' },
    RETIRED: { description: 'What was made with it stays good until it is dropped.' },
  },
});

@ObjectType('SealKey', {
  description:
    'A key that the nodes of a group seal with what clients carry for them, such as session ids. The key itself is never shown.',
})
export class SealKeyType {
  @Field(() => ID, { description: 'Short id, unique in the group; every sealed value names it.' })
  id!: string;

  @Field(() => KeyPhase, {
    description: 'What it is used for: the active one is the primary and seals, the others open.',
  })
  phase!: Phase;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'When nodes began to seal with it.' })
  primarySince!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When another key became the primary.' })
  retiredAt!: Date | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Connected nodes that do not have a published key yet; it becomes the primary when there are none. Null in other phases.',
  })
  awaitedNodes!: number | null;
}

@ObjectType('SigningKey', {
  description:
    'A key pair that signs access tokens; public halves are at `/.well-known/jwks.json`.',
})
export class SigningKeyType {
  @Field(() => ID, { description: 'Thumbprint of the public half (RFC 7638); `kid` of tokens.' })
  kid!: string;

  @Field(() => KeyPhase, {
    description: 'What it is used for: the active one signs, each of them verifies.',
  })
  phase!: Phase;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'When it began to sign.' })
  activatedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When another key began to sign.' })
  retiredAt!: Date | null;
}

@InputType('RotateSealKeysInput', { description: 'Whose seal keys to rotate.' })
export class RotateSealKeysInput {
  @Field(() => ID, { description: 'The node group.' })
  nodeGroupId!: string;
}

export const SigningKeyPayload = payloadType(
  'SigningKeyPayload',
  'What became of the rotation of the signing key.',
  {
    signingKey: { type: () => SigningKeyType, description: 'The key that will sign.' },
  },
);
