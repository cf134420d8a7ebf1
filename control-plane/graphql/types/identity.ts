import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { connectionType } from './connection.ts';
import { OrganizationPermission, OrganizationRole, PlatformRole } from './enums.ts';
import { DateTime } from './scalars.ts';
import { payloadType } from './user-error.ts';

@ObjectType('User', { description: 'A person.' })
export class UserType {
  @Field(() => ID, { description: 'Identifies the person.' })
  id!: string;

  @Field(() => String, { description: 'E-mail address, in lower case; the name to log in with.' })
  email!: string;

  @Field(() => String, { description: 'Name for people.' })
  displayName!: string;

  @Field(() => PlatformRole, { nullable: true, description: 'Role on the platform; null: none.' })
  platformRole!: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Since when the person can’t log in; null: can.',
  })
  disabledAt!: Date | null;

  @Field(() => DateTime, { description: 'When the account was created.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it last changed.' })
  updatedAt!: Date;

  @Field(() => Int, {
    description: 'Counts changes; an update must name the version that it read.',
  })
  version!: number;
}

@ObjectType('Member', { description: 'A person in an organization.' })
class MemberType {
  @Field(() => ID, { description: 'The organization.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The person.' })
  userId!: string;

  @Field(() => String, { description: 'The person’s e-mail address.' })
  email!: string;

  @Field(() => String, { description: 'The person’s name.' })
  displayName!: string;

  @Field(() => OrganizationRole, {
    nullable: true,
    description: 'What the person may do here; null: a custom role.',
  })
  role!: string | null;

  @Field(() => ID, { nullable: true, description: 'The custom role; null: a built-in one.' })
  customRoleId!: string | null;

  @Field(() => String, { description: 'Name of the role, built-in or custom.' })
  roleName!: string;

  @Field(() => DateTime, { description: 'Since when the person is a member.' })
  createdAt!: Date;

  @Field(() => Int, {
    description: 'Counts changes; an update must name the version that it read.',
  })
  version!: number;
}

@ObjectType('ViewerMembership', { description: 'An organization that the caller is a member of.' })
export class ViewerMembershipType {
  @Field(() => ID, { description: 'The organization.' })
  organizationId!: string;

  @Field(() => OrganizationRole, {
    nullable: true,
    description: 'What the caller may do there; null: a custom role.',
  })
  role!: string | null;

  @Field(() => ID, { nullable: true, description: 'The custom role; null: a built-in one.' })
  customRoleId!: string | null;

  @Field(() => String, { description: 'Name of the role, built-in or custom.' })
  roleName!: string;

  @Field(() => [OrganizationPermission], {
    description: 'What the caller may do there with this credential, one by one.',
  })
  permissions!: readonly string[];
}

@ObjectType('Viewer', { description: 'The caller.' })
export class ViewerType {
  @Field(() => UserType, {
    nullable: true,
    description: 'The caller’s account; null: a service account.',
  })
  user!: UserType | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The service account whose API key the caller showed; null: a person.',
  })
  serviceAccountId!: string | null;

  @Field(() => [ViewerMembershipType], {
    description: 'Where the caller is a member, or the service account’s organization.',
  })
  memberships!: ViewerMembershipType[];

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the access token or the API key ends; null: never.',
  })
  tokenExpiresAt!: Date | null;
}

@ObjectType('ApiKey', {
  description: 'A credential of an agent at the proxy. Only a hash of it is stored.',
})
export class ApiKeyType {
  @Field(() => ID, { description: 'Identifies the key’s record.' })
  id!: string;

  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => String, {
    description: 'Public id: 12 characters that stand at the key’s beginning and in request logs.',
  })
  keyId!: string;

  @Field(() => String, { description: 'Name for people.' })
  label!: string;

  @Field(() => String, {
    description:
      'Whom it acts for: `user:<id>` or `service:<id>`. Sessions belong to the subject, not to the key.',
  })
  subject!: string;

  @Field(() => ID, {
    nullable: true,
    description: 'The member that it acts for; null: a service account.',
  })
  userId!: string | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The service account that it acts for; null: a member.',
  })
  serviceAccountId!: string | null;

  @Field(() => [String], {
    description:
      'What it may be used for: `mcp:*`, `mcp:{server}`, `mcp:{server}:{tool}` at the proxy; `admin`, `admin:read` here. They narrow what the subject’s role allows.',
  })
  scopes!: string[];

  @Field(() => DateTime, { nullable: true, description: 'When it ends by itself; null: never.' })
  expiresAt!: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Since when it is revoked; null: it is not.',
  })
  revokedAt!: Date | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The key that takes its place; it ends at `expiresAt`.',
  })
  replacedBy!: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it was last used; null: never, or not known yet.',
  })
  lastUsedAt!: Date | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The person who created it; null: a service account.',
  })
  createdBy!: string | null;

  @Field(() => DateTime, { description: 'When it was created.' })
  createdAt!: Date;

  @Field(() => Int, {
    description: 'Counts changes; an update must name the version that it read.',
  })
  version!: number;
}

@InputType('UserFilter', {
  description: 'Which people to list; conditions are combined with “and”.',
})
export class UserFilter {
  @Field(() => String, { nullable: true, description: 'Only the person with this address.' })
  email?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Only people whose address or name contains this text.',
  })
  search?: string | null;

  @Field(() => Boolean, { nullable: true, description: 'Only people who can’t log in, or can.' })
  disabled?: boolean | null;
}

@InputType('MemberFilter', { description: 'Which members to list.' })
export class MemberFilter {
  @Field(() => OrganizationRole, { nullable: true, description: 'Only members with this role.' })
  role?: string | null;

  @Field(() => ID, { nullable: true, description: 'Only members with this custom role.' })
  customRoleId?: string | null;
}

@InputType('ApiKeyFilter', {
  description: 'Which API keys to list; conditions are combined with “and”.',
})
export class ApiKeyFilter {
  @Field(() => String, { nullable: true, description: 'Only the key with this public id.' })
  keyId?: string | null;

  @Field(() => ID, { nullable: true, description: 'Only keys that act for this member.' })
  userId?: string | null;

  @Field(() => ID, { nullable: true, description: 'Only keys that act for this service account.' })
  serviceAccountId?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Only keys that can be used now, or can’t.',
  })
  active?: boolean | null;
}

@InputType('CreateUserInput', { description: 'A new person.' })
export class CreateUserInput {
  @Field(() => String, { description: 'E-mail address; the name to log in with.' })
  email!: string;

  @Field(() => String, { description: 'Name for people.' })
  displayName!: string;

  @Field(() => String, {
    description: 'Password, 12 to 256 characters. Stored as an argon2id hash.',
  })
  password!: string;

  @Field(() => PlatformRole, { nullable: true, description: 'Role on the platform; null: none.' })
  platformRole?: string | null;
}

@InputType('UpdateUserInput', { description: 'Changes to a person; what is left out stays.' })
export class UpdateUserInput {
  @Field(() => ID, { description: 'The person.' })
  id!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => String, { nullable: true, description: 'New name.' })
  displayName?: string | null;

  @Field(() => String, { nullable: true, description: 'New password.' })
  password?: string | null;

  @Field(() => PlatformRole, {
    nullable: true,
    description: 'Role on the platform; null removes it.',
  })
  platformRole?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Whether the person is shut out: no log-in, and access tokens and API keys that act for the person end at once.',
  })
  disabled?: boolean | null;
}

@InputType('AddMemberInput', { description: 'A person to take into an organization.' })
export class AddMemberInput {
  @Field(() => ID, { description: 'The organization.' })
  organizationId!: string;

  @Field(() => String, { description: 'E-mail address of a person who has an account.' })
  email!: string;

  @Field(() => OrganizationRole, {
    nullable: true,
    description: 'What the person may do; not more than the caller may.',
  })
  role?: string | null;

  @Field(() => ID, { nullable: true, description: 'A custom role, instead of `role`.' })
  customRoleId?: string | null;
}

@InputType('UpdateMemberInput', { description: 'A new role for a member.' })
export class UpdateMemberInput {
  @Field(() => ID, { description: 'The organization.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The member.' })
  userId!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => OrganizationRole, {
    nullable: true,
    description: 'The new role; not more than the caller may.',
  })
  role?: string | null;

  @Field(() => ID, { nullable: true, description: 'A custom role, instead of `role`.' })
  customRoleId?: string | null;
}

@InputType('RemoveMemberInput', {
  description: 'A member to remove. The member’s API keys end with the membership.',
})
export class RemoveMemberInput {
  @Field(() => ID, { description: 'The organization.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The member.' })
  userId!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;
}

@InputType('CreateApiKeyInput', {
  description: 'A new API key: for a service account or for a member. Give exactly one.',
})
export class CreateApiKeyInput {
  @Field(() => ID, { description: 'The organization that it is to belong to.' })
  organizationId!: string;

  @Field(() => String, { description: 'Name for people.' })
  label!: string;

  @Field(() => ID, {
    nullable: true,
    description:
      'The member that it acts for: the caller, or (who manages members) one who may do no more than the caller.',
  })
  userId?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The service account that it acts for; one that may do no more than the caller.',
  })
  serviceAccountId?: string | null;

  @Field(() => [String], {
    nullable: true,
    description:
      'What it may be used for, at most 64: `mcp:*`, `mcp:{server}` or `mcp:{server}:{tool}` at the proxy; `admin` or `admin:read` here, for service accounts alone. Left out: `mcp:*`.',
  })
  scopes?: string[] | null;

  @Field(() => DateTime, { nullable: true, description: 'When it ends by itself; null: never.' })
  expiresAt?: Date | null;
}

@InputType('RotateApiKeyInput', {
  description: 'A key to replace by a new one with the same subject, scopes and label.',
})
export class RotateApiKeyInput {
  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The old key’s record.' })
  id!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => Int, {
    description: 'How long the old key stays good, up to 2,592,000 (30 days); 0: it ends at once.',
  })
  overlapSeconds!: number;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'When the new key ends; null: never. Left out: as long after now as the old one was made for.',
  })
  expiresAt?: Date | null;
}

@InputType('UpdateApiKeyInput', { description: 'Changes to an API key; what is left out stays.' })
export class UpdateApiKeyInput {
  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The key’s record.' })
  id!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => String, { nullable: true, description: 'New name.' })
  label?: string | null;

  @Field(() => [String], { nullable: true, description: 'All its scopes from now on.' })
  scopes?: string[] | null;

  @Field(() => DateTime, { nullable: true, description: 'When it ends by itself; null: never.' })
  expiresAt?: Date | null;
}

export const UserConnection = connectionType(
  'User',
  () => UserType,
  'people, oldest account first',
);
export const MemberConnection = connectionType(
  'Member',
  () => MemberType,
  'members, oldest account first',
);
export const ApiKeyConnection = connectionType(
  'ApiKey',
  () => ApiKeyType,
  'API keys, oldest first',
);

export const UserPayload = payloadType('UserPayload', 'What became of a change to a person.', {
  user: { type: () => UserType, description: 'The person as of now.' },
});

export const MemberPayload = payloadType(
  'MemberPayload',
  'What became of a change to a membership.',
  {
    member: {
      type: () => MemberType,
      description: 'The membership as it is now, or as it was when removed.',
    },
  },
);

export const ApiKeyPayload = payloadType(
  'ApiKeyPayload',
  'What became of a change to an API key.',
  {
    apiKey: { type: () => ApiKeyType, description: 'The key’s record as it is now.' },
  },
);

export const CreateApiKeyPayload = payloadType(
  'CreateApiKeyPayload',
  'A new API key. Its text is shown here and never again.',
  {
    apiKey: { type: () => ApiKeyType, description: 'The key’s record.' },
    key: { type: () => String, description: 'The key itself. Keep it: only its hash is stored.' },
  },
);
