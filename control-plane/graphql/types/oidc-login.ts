import { Field, InputType, ObjectType } from 'type-graphql';
import { payloadType } from './user-error.ts';

@ObjectType('LoginIssuer', { description: 'An issuer that people may log in through.' })
export class LoginIssuerType {
  @Field(() => String, { description: 'Its name, for `beginOidcLogin`.' })
  name!: string;
}

@InputType('BeginOidcLoginInput', { description: 'Where to log in.' })
export class BeginOidcLoginInput {
  @Field(() => String, { description: 'Slug of the organization.' })
  organization!: string;

  @Field(() => String, { description: 'Name of its issuer.' })
  issuer!: string;

  @Field(() => String, {
    description: 'Where the person is to come back to: one of the issuer’s redirect URLs, exactly.',
  })
  redirectUrl!: string;
}

@InputType('CompleteOidcLoginInput', { description: 'What a person brings back from the issuer.' })
export class CompleteOidcLoginInput {
  @Field(() => String, { description: 'Parameter `state` of the redirect URL.' })
  state!: string;

  @Field(() => String, { description: 'Parameter `code` of the redirect URL.' })
  code!: string;

  @Field(() => String, {
    description: 'What `beginOidcLogin` gave, kept where the log-in began, such as in a cookie.',
  })
  loginToken!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Parameter `iss` of the redirect URL (RFC 9207); null when there is none.',
  })
  iss?: string | null;
}

export const BeginOidcLoginPayload = payloadType(
  'BeginOidcLoginPayload',
  'A log-in that has begun. It has to come back within ten minutes, once.',
  {
    authorizationUrl: { type: () => String, description: 'Send the person there.' },
    state: {
      type: () => String,
      description: 'Comes back with the person; another value belongs to another log-in.',
    },
    loginToken: {
      type: () => String,
      description:
        'Keep it where the log-in began, and nowhere in a URL: it proves that the same browser or program ends it.',
    },
  },
);
