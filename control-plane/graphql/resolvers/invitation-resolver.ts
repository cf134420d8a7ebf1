import { Arg, Args, Ctx, FieldResolver, Mutation, Resolver, Root } from 'type-graphql';
import {
  acceptInvitation,
  type Invitation,
  inviteMember,
  listInvitations,
  revokeInvitation,
} from '../../identity/invitations.ts';
import type { Role } from '../../identity/roles.ts';
import { oldestFirst } from '../../input/find-page.ts';
import { type GraphqlContext, granterIn, personOf } from '../context.ts';
import {
  AcceptInvitationInput,
  AcceptInvitationPayload,
  InvitationConnection,
  InvitationPayload,
  type InvitationType,
  InviteMemberInput,
  InviteMemberPayload,
  RevokeInvitationInput,
} from '../types/account.ts';
import { connection, PageArgs } from '../types/connection.ts';
import { OrganizationType } from '../types/organization.ts';
import { payload } from '../types/user-error.ts';
import { orBusy, passwordCost } from './or-busy.ts';
import { idKey, pageOf } from './page-of.ts';
import { unlessLimited } from './password-resolver.ts';

function invitationView(invitation: Invitation): InvitationType {
  const { role, customRoleId, name } = invitation.role;
  return { ...invitation, role, customRoleId, roleName: name };
}

@Resolver(() => OrganizationType)
export class OrganizationInvitationsResolver {
  @FieldResolver(() => InvitationConnection, {
    description: 'Invitations that wait to be accepted.',
  })
  async invitations(
    @Ctx() context: GraphqlContext,
    @Root() organization: OrganizationType,
    @Args(() => PageArgs) page: PageArgs,
  ) {
    const { store, now } = context.services;
    const request = pageOf(context, page, oldestFirst);
    const found = await listInvitations(store, organization.id, request, now());
    return connection({ ...found, items: found.items.map(invitationView) }, idKey);
  }
}

@Resolver()
export class InvitationResolver {
  @Mutation(() => InviteMemberPayload, {
    description:
      'Invites somebody by e-mail address, whether or not there is such an account; an earlier invitation of the same address ends. There is no mail server: hand the token over.',
  })
  async inviteMember(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => InviteMemberInput, { description: 'Whom, and as what.' })
    input: InviteMemberInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const { store, now, login } = context.services;
    const fields = { ...input, role: input.role as Role | null | undefined };
    const deps = { store, now, bounds: login.bounds };
    const outcome = await inviteMember(deps, granter, fields);
    return payload(outcome, ({ invitation, token }) => ({
      invitation: invitationView(invitation),
      token,
    }));
  }

  @Mutation(() => InvitationPayload, {
    description: 'Takes an invitation back that was not accepted yet.',
  })
  async revokeInvitation(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => RevokeInvitationInput, { description: 'Which.' })
    input: RevokeInvitationInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const { store, now } = context.services;
    const outcome = await revokeInvitation(store, granter, input, now());
    return payload(outcome, (invitation) => ({ invitation: invitationView(invitation) }));
  }

  @Mutation(() => AcceptInvitationPayload, {
    complexity: passwordCost,
    description:
      'Joins an organization by a one-time token. Without an access token: makes the account, unless the invited address has one. With one: joins with the caller’s account, which must have the invited address.',
  })
  async acceptInvitation(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => AcceptInvitationInput, { description: 'Token, and who accepts.' })
    input: AcceptInvitationInput,
  ) {
    const { authentication, clientAddress, services } = context;
    // A token that is no good is refused, not passed over: its holder believes to be logged in.
    const person = authentication.kind === 'none' ? undefined : await personOf(context);
    const accepted = await orBusy(
      acceptInvitation(services.login, { ...input, clientAddress }, person),
    );
    const outcome = await unlessLimited(context, 'Mutation.acceptInvitation', accepted);
    return payload(outcome, ({ organizationId, user }) => ({ organizationId, user }));
  }
}
