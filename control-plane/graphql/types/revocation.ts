import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { connectionType } from './connection.ts';
import { DateTime } from './scalars.ts';
import { payloadType } from './user-error.ts';

@ObjectType('Revocation', {
  description:
    'Access tokens at the proxy that ended before they expire. Exactly one of subject, tokenId and sessionId is set. API keys need none: they end by themselves.',
})
class RevocationType {
  @Field(() => ID, { description: 'Identifies the revocation.' })
  id!: string;

  @Field(() => ID, { description: 'The organization whose servers the tokens are for.' })
  organizationId!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Whose tokens ended: `user:{user id}` or `issuer:{issuer id}:{sub}`.',
  })
  subject!: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'The subject’s tokens that were issued before this time ended.',
  })
  issuedBefore!: Date | null;

  @Field(() => String, { nullable: true, description: 'The one token that ended, by its `jti`.' })
  tokenId!: string | null;

  @Field(() => ID, { nullable: true, description: 'The session whose tokens ended.' })
  sessionId!: string | null;

  @Field(() => String, {
    description:
      'Why: what an admin wrote, or `session_ended`, `user_disabled`, `member_removed` and the like.',
  })
  reason!: string;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => DateTime, {
    description: 'From then on everything that it covers has expired; it is removed later.',
  })
  expiresAt!: Date;
}

@InputType('RevokeSubjectInput', { description: 'A subject whose access tokens end.' })
export class RevokeSubjectInput {
  @Field(() => ID, { description: 'The organization whose servers the tokens are for.' })
  organizationId!: string;

  @Field(() => String, {
    description: 'Whose tokens end: `user:{user id}` or `issuer:{issuer id}:{sub}`.',
  })
  subject!: string;

  @Field(() => String, { description: 'Why, for people; at most 200 characters.' })
  reason!: string;
}

@InputType('RevokeTokenInput', { description: 'One access token that ends.' })
export class RevokeTokenInput {
  @Field(() => ID, { description: 'The organization whose servers the token is for.' })
  organizationId!: string;

  @Field(() => String, { description: 'Its `jti`, as request logs name it.' })
  tokenId!: string;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the token expires by itself; left out: in 24 hours, as late as any can.',
  })
  expiresAt?: Date | null;

  @Field(() => String, { description: 'Why, for people; at most 200 characters.' })
  reason!: string;
}

export const RevocationConnection = connectionType(
  'Revocation',
  () => RevocationType,
  'revocations, the latest first',
);

export const RevocationPayload = payloadType(
  'RevocationPayload',
  'What became of a revocation. Nodes that are connected hold to it within milliseconds.',
  { revocation: { type: () => RevocationType, description: 'The revocation.' } },
);
