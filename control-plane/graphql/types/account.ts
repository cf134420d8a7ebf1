import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { connectionType } from './connection.ts';
import { OrganizationRole } from './enums.ts';
import { UserType } from './identity.ts';
import { DateTime } from './scalars.ts';
import { payloadType } from './user-error.ts';

@InputType('ChangePasswordInput', { description: 'Another password for the caller.' })
export class ChangePasswordInput {
  @Field(() => String, { description: 'The password as it is now.' })
  currentPassword!: string;

  @Field(() => String, { description: 'Password from now on, 12 to 256 characters.' })
  newPassword!: string;
}

@InputType('RequestPasswordResetInput', { description: 'Whose password is to be set anew.' })
export class RequestPasswordResetInput {
  @Field(() => ID, { description: 'The person.' })
  userId!: string;
}

@InputType('RequestMemberPasswordResetInput', {
  description: 'Which member’s password is to be set anew.',
})
export class RequestMemberPasswordResetInput {
  @Field(() => ID, { description: 'The organization.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The member.' })
  userId!: string;
}

@InputType('ResetPasswordInput', { description: 'A new password by a one-time token.' })
export class ResetPasswordInput {
  @Field(() => String, { description: 'The one-time token.' })
  token!: string;

  @Field(() => String, { description: 'Password from now on, 12 to 256 characters.' })
  newPassword!: string;
}

export const PasswordPayload = payloadType(
  'PasswordPayload',
  'What became of a change to a password.',
  { sessionsEnded: { type: () => Int, description: 'How many sessions ended with it.' } },
);

export const PasswordResetPayload = payloadType(
  'PasswordResetPayload',
  'A one-time token for a new password. It is shown here and never again; hand it to the person.',
  {
    token: { type: () => String, description: 'For `resetPassword`.' },
    expiresAt: { type: () => DateTime, description: 'Until when it can be used.' },
  },
);

@ObjectType('Invitation', { description: 'Somebody who may join an organization.' })
export class InvitationType {
  @Field(() => ID, { description: 'Identifies the invitation.' })
  id!: string;

  @Field(() => ID, { description: 'The organization.' })
  organizationId!: string;

  @Field(() => String, { description: 'E-mail address of who is invited.' })
  email!: string;

  @Field(() => OrganizationRole, {
    nullable: true,
    description: 'What the person may do then; null: a custom role.',
  })
  role!: string | null;

  @Field(() => ID, { nullable: true, description: 'The custom role; null: a built-in one.' })
  customRoleId!: string | null;

  @Field(() => String, { description: 'Name of the role, built-in or custom.' })
  roleName!: string;

  @Field(() => ID, { description: 'The person or the service account that invites.' })
  createdBy!: string;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'Until when it can be accepted.' })
  expiresAt!: Date;
}

export const InvitationConnection = connectionType(
  'Invitation',
  () => InvitationType,
  'invitations that wait, oldest first',
);

@InputType('InviteMemberInput', { description: 'Whom to invite, and as what.' })
export class InviteMemberInput {
  @Field(() => ID, { description: 'The organization.' })
  organizationId!: string;

  @Field(() => String, { description: 'E-mail address; it need not have an account.' })
  email!: string;

  @Field(() => OrganizationRole, {
    nullable: true,
    description: 'What the person may do; not more than the caller may.',
  })
  role?: string | null;

  @Field(() => ID, { nullable: true, description: 'A custom role, instead of `role`.' })
  customRoleId?: string | null;
}

@InputType('RevokeInvitationInput', { description: 'An invitation to take back.' })
export class RevokeInvitationInput {
  @Field(() => ID, { description: 'The organization.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The invitation.' })
  id!: string;
}

@InputType('AcceptInvitationInput', { description: 'An invitation, and who accepts it.' })
export class AcceptInvitationInput {
  @Field(() => String, { description: 'The invitation’s one-time token.' })
  token!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Name of the account that is to be made; left out by who is logged in.',
  })
  displayName?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Its password, 12 to 256 characters; left out by who is logged in.',
  })
  password?: string | null;
}

export const InvitationPayload = payloadType(
  'InvitationPayload',
  'What became of a change to an invitation.',
  { invitation: { type: () => InvitationType, description: 'The invitation as it was.' } },
);

export const InviteMemberPayload = payloadType(
  'InviteMemberPayload',
  'An invitation. Its token is shown here and never again; hand it to the person.',
  {
    invitation: { type: () => InvitationType, description: 'The invitation.' },
    token: { type: () => String, description: 'For `acceptInvitation`.' },
  },
);

export const AcceptInvitationPayload = payloadType(
  'AcceptInvitationPayload',
  'What became of an accepted invitation.',
  {
    organizationId: { type: () => ID, description: 'The organization that the person joined.' },
    user: { type: () => UserType, description: 'The person, who can log in now.' },
  },
);

@InputType('IssueProxyTokenInput', { description: 'What an access token is to open.' })
export class IssueProxyTokenInput {
  @Field(() => ID, { description: 'The organization.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => String, { nullable: true, description: 'One tool; left out: the whole server.' })
  tool?: string | null;
}

export const ProxyTokenPayload = payloadType(
  'ProxyTokenPayload',
  'An access token for the proxy. It is shown here and never again.',
  {
    accessToken: {
      type: () => String,
      description: 'Send it to `url` as `Authorization: Bearer …`; it is refused everywhere else.',
    },
    url: { type: () => String, description: 'Address of the MCP endpoint that it is for.' },
    scope: { type: () => String, description: 'What it may be used for.' },
    expiresAt: { type: () => DateTime, description: 'When it ends, at the latest.' },
  },
);
