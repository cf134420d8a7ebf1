import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionType } from './connection.ts';
import { DateTime, SafeInt } from './scalars.ts';
import { payloadType } from './user-error.ts';

const IssuerScopeMode = { REQUIRED: 'required', ROLE: 'role' } as const;

registerEnumType(IssuerScopeMode, {
  name: 'IssuerScopeMode',
  description: 'What an issuer’s access tokens may do at the proxy.',
  valuesConfig: {
    REQUIRED: {
      description: 'What their `mcp:` scopes say, within the role; nothing without them.',
    },
    ROLE: { description: 'All that the role allows; scopes are not read.' },
  },
});

@ObjectType('RoleMapping', {
  description: 'A value of the role claim, and the role that it gives.',
})
export class RoleMappingType {
  @Field(() => String, { description: 'Value, compared to the letter.' })
  value!: string;

  @Field(() => String, { description: 'Name of a built-in role, or of one of the organization’s.' })
  role!: string;
}

@ObjectType('IssuerKey', { description: 'A public key that checks an issuer’s tokens.' })
export class IssuerKeyType {
  @Field(() => String, { nullable: true, description: 'Its id, as tokens name it.' })
  keyId!: string | null;

  @Field(() => String, { description: 'Its kind: `RSA`, `EC` or `OKP`.' })
  keyType!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The algorithm that it is kept for, if any.',
  })
  algorithm!: string | null;
}

@ObjectType('Issuer', {
  description:
    'An authorization server that the organization trusts: for access tokens at the proxy, for logging people in, or both.',
})
export class IssuerType {
  @Field(() => ID, { description: 'Identifies the issuer.' })
  id!: string;

  @Field(() => ID, { description: 'The organization that trusts it.' })
  organizationId!: string;

  @Field(() => String, { description: 'Short name, unique in the organization.' })
  name!: string;

  @Field(() => String, {
    description: 'Its issuer identifier, compared to the letter with `iss` of its tokens.',
  })
  issuerUrl!: string;

  @Field(() => Boolean, { description: 'Whether it counts at all.' })
  enabled!: boolean;

  @Field(() => [String], { description: 'Signature algorithms that count.' })
  algorithms!: string[];

  @Field(() => Boolean, { description: 'Whether its access tokens count at the proxy.' })
  proxyEnabled!: boolean;

  @Field(() => IssuerScopeMode, { description: 'What its access tokens may do there.' })
  scopeMode!: string;

  @Field(() => Boolean, { description: 'Whether people may log in through it.' })
  loginEnabled!: boolean;

  @Field(() => String, { nullable: true, description: 'What the gateway is called there.' })
  clientId!: string | null;

  @Field(() => Boolean, {
    description: 'Whether a client secret is set. It can be written, never read.',
  })
  hasClientSecret!: boolean;

  @Field(() => [String], { description: 'Where people may come back to from a log-in, exactly.' })
  redirectUrls!: string[];

  @Field(() => [String], { description: 'Scopes that a log-in asks for.' })
  loginScopes!: string[];

  @Field(() => [String], {
    description: 'Path of the claim whose values are mapped to roles, its parts apart.',
  })
  roleClaim!: string[];

  @Field(() => [RoleMappingType], { description: 'Mappings in order; the first match counts.' })
  roleMappings!: RoleMappingType[];

  @Field(() => String, {
    nullable: true,
    description: 'Role of who matches no mapping; null: such a one is refused.',
  })
  defaultRole!: string | null;

  @Field(() => [IssuerKeyType], { description: 'The keys that were fetched last.' })
  keys!: IssuerKeyType[];

  @Field(() => String, { nullable: true, description: 'Where its keys are fetched from.' })
  jwksUrl!: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When its keys were last fetched.' })
  fetchedAt!: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When fetching failed last, since it last succeeded.',
  })
  fetchFailedAt!: Date | null;

  @Field(() => String, { nullable: true, description: 'What is wrong with it, for people.' })
  fetchError!: string | null;

  @Field(() => DateTime, { description: 'When its keys are looked at next.' })
  nextFetchAt!: Date;

  @Field(() => DateTime, { description: 'When it was created.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When people last changed it.' })
  updatedAt!: Date;

  @Field(() => Int, {
    description: 'Counts changes; an update must name the version that it read.',
  })
  version!: number;
}

@InputType('RoleMappingInput', { description: 'A mapping to set.' })
export class RoleMappingInput {
  @Field(() => String, { description: 'Value, 1 to 400 characters.' })
  value!: string;

  @Field(() => String, {
    description:
      'Name of a role that the caller may hand out. `owner` is none: owners are not made by issuers.',
  })
  role!: string;
}

@InputType('CreateIssuerInput', { description: 'A new issuer.' })
export class CreateIssuerInput {
  @Field(() => ID, { description: 'The organization that is to trust it.' })
  organizationId!: string;

  @Field(() => String, { description: 'Short name, unique in the organization.' })
  name!: string;

  @Field(() => String, {
    description:
      'Its issuer identifier, to the letter: an `https` URL without query and fragment. Private and loopback addresses need the platform’s permission.',
  })
  issuerUrl!: string;

  @Field(() => Boolean, { defaultValue: true, description: 'Whether it counts at all.' })
  enabled!: boolean;

  @Field(() => [String], {
    defaultValue: ['RS256', 'ES256', 'EdDSA'],
    description:
      'Signature algorithms that count, of EdDSA, Ed25519, ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384 and PS512.',
  })
  algorithms!: string[];

  @Field(() => Boolean, {
    defaultValue: true,
    description: 'Whether its access tokens count at the proxy.',
  })
  proxyEnabled!: boolean;

  @Field(() => IssuerScopeMode, {
    defaultValue: 'required',
    description: 'What its access tokens may do there.',
  })
  scopeMode!: string;

  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Whether people may log in through it; needs a client id and redirect URLs.',
  })
  loginEnabled!: boolean;

  @Field(() => String, { nullable: true, description: 'What the gateway is called there.' })
  clientId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Its secret there. Stored encrypted, and never shown again.',
  })
  clientSecret?: string | null;

  @Field(() => [String], {
    defaultValue: [],
    description: 'Where people may come back to from a log-in, exactly; at most 20.',
  })
  redirectUrls!: string[];

  @Field(() => [String], {
    defaultValue: ['openid', 'email', 'profile'],
    description: 'Scopes that a log-in asks for; `openid` is one.',
  })
  loginScopes!: string[];

  @Field(() => [String], {
    defaultValue: [],
    description:
      'Path of the claim whose values are mapped to roles, its parts apart, such as `["realm_access", "roles"]`.',
  })
  roleClaim!: string[];

  @Field(() => [RoleMappingInput], {
    defaultValue: [],
    description: 'Mappings in order; the first match counts. At most 100.',
  })
  roleMappings!: RoleMappingInput[];

  @Field(() => String, {
    nullable: true,
    description:
      'Built-in role of who matches no mapping; null: such a one is refused. `owner` is none.',
  })
  defaultRole?: string | null;
}

@InputType('UpdateIssuerInput', {
  description: 'Changes to an issuer; what is left out stays, and null clears what can be null.',
})
export class UpdateIssuerInput {
  @Field(() => ID, { description: 'The organization that trusts it.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The issuer.' })
  id!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => String, { nullable: true, description: 'New name.' })
  name?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'New issuer identifier: another issuer. Its keys are fetched anew, its log-ins end, and whom its subjects are is forgotten.',
  })
  issuerUrl?: string | null;

  @Field(() => Boolean, { nullable: true, description: 'Off: its tokens and its log-ins end.' })
  enabled?: boolean | null;

  @Field(() => [String], { nullable: true, description: 'All algorithms that count from now on.' })
  algorithms?: string[] | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether its access tokens count at the proxy.',
  })
  proxyEnabled?: boolean | null;

  @Field(() => IssuerScopeMode, {
    nullable: true,
    description: 'What its access tokens may do there.',
  })
  scopeMode?: string | null;

  @Field(() => Boolean, { nullable: true, description: 'Off: its log-ins end.' })
  loginEnabled?: boolean | null;

  @Field(() => String, { nullable: true, description: 'What the gateway is called there.' })
  clientId?: string | null;

  @Field(() => String, { nullable: true, description: 'New secret; null removes it.' })
  clientSecret?: string | null;

  @Field(() => [String], {
    nullable: true,
    description: 'All URLs that people may come back to from now on.',
  })
  redirectUrls?: string[] | null;

  @Field(() => [String], { nullable: true, description: 'All scopes that a log-in asks for.' })
  loginScopes?: string[] | null;

  @Field(() => [String], { nullable: true, description: 'New path of the role claim.' })
  roleClaim?: string[] | null;

  @Field(() => [RoleMappingInput], { nullable: true, description: 'All mappings from now on.' })
  roleMappings?: RoleMappingInput[] | null;

  @Field(() => String, {
    nullable: true,
    description: 'Built-in role of who matches no mapping; null: such a one is refused.',
  })
  defaultRole?: string | null;
}

@InputType('RefreshIssuerInput', { description: 'An issuer to ask.' })
export class RefreshIssuerInput {
  @Field(() => ID, { description: 'The organization that trusts it.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The issuer.' })
  id!: string;
}

export const IssuerConnection = connectionType('Issuer', () => IssuerType, 'Issuers, oldest first');

export const IssuerPayload = payloadType('IssuerPayload', 'What became of a change to an issuer.', {
  issuer: { type: () => IssuerType, description: 'The issuer as it is now.' },
  revision: {
    type: () => SafeInt,
    description: 'Revision of the change; `rollout` shows how it spreads.',
  },
});

export const RefreshIssuerPayload = payloadType(
  'RefreshIssuerPayload',
  'What came of asking an issuer.',
  {
    issuer: {
      type: () => IssuerType,
      description: 'The issuer as it is now; `fetchError` says what went wrong.',
    },
  },
);
