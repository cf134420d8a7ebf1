import { Arg, Args, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import type { GrantedRole } from '../../identity/granted-role.ts';
import { addMember, type Member, removeMember, updateMember } from '../../identity/members.ts';
import type { Role } from '../../identity/roles.ts';
import { createUser, deleteUser, findUser, listUsers, updateUser } from '../../identity/users.ts';
import { oldestFirst } from '../../input/find-page.ts';
import type { PlatformRole } from '../../store/entities/user.ts';
import { authenticatedUntilMs, type GraphqlContext, granterIn } from '../context.ts';
import { connection, PageArgs } from '../types/connection.ts';
import { DeleteOnPlatformInput, DeletePayload } from '../types/delete-input.ts';
import {
  AddMemberInput,
  CreateUserInput,
  MemberPayload,
  RemoveMemberInput,
  UpdateMemberInput,
  UpdateUserInput,
  UserConnection,
  UserFilter,
  UserPayload,
  UserType,
  ViewerType,
} from '../types/identity.ts';
import { payload } from '../types/user-error.ts';
import { orBusy, passwordCost } from './or-busy.ts';
import { idKey, pageOf } from './page-of.ts';

/** A member with the parts of the role side by side. */
export function memberView(member: Member) {
  const { role, customRoleId, name } = member.role;
  return { ...member, role, customRoleId, roleName: name };
}

/** What changing accounts needs; unlike a log-in it works for the caller alone. */
function accountsOf({ services }: GraphqlContext) {
  return { store: services.store, passwords: services.login.passwords, now: services.now };
}

@Resolver()
export class IdentityResolver {
  @Query(() => ViewerType, { description: 'The caller, and where the caller is a member.' })
  async viewer(@Ctx() context: GraphqlContext): Promise<ViewerType> {
    const principal = await context.principal();
    const untilMs = authenticatedUntilMs(context.authentication);
    const grants: Iterable<readonly [string, GrantedRole]> =
      principal.kind === 'user'
        ? principal.grants
        : [[principal.organizationId, principal.role] as const];
    return {
      user: principal.kind === 'user' ? principal.user : null,
      serviceAccountId: principal.kind === 'service' ? principal.account.id : null,
      memberships: Array.from(grants, ([organizationId, { role, customRoleId, name }]) => ({
        ...{ organizationId, role, customRoleId, roleName: name },
        permissions: [...(principal.permissionsIn(organizationId) ?? [])],
      })),
      tokenExpiresAt: Number.isFinite(untilMs) ? new Date(untilMs) : null,
    };
  }

  @Query(() => UserType, {
    nullable: true,
    description: 'A person, or null. For platform operators.',
  })
  async user(
    @Ctx() context: GraphqlContext,
    @Arg('id', () => ID, { description: 'The person.' }) id: string,
  ) {
    return findUser(context.services.store, id);
  }

  @Query(() => UserConnection, {
    description: 'Everybody on the platform. For platform operators.',
  })
  async users(
    @Ctx() context: GraphqlContext,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => UserFilter, { nullable: true, description: 'Which people to list.' })
    filter: UserFilter | null,
  ) {
    const request = pageOf(context, page, oldestFirst);
    return connection(await listUsers(context.services.store, filter ?? {}, request), idKey);
  }

  @Mutation(() => UserPayload, {
    complexity: passwordCost,
    description: 'Creates an account for a person. For platform operators.',
  })
  async createUser(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => CreateUserInput, { description: 'The person.' }) input: CreateUserInput,
  ) {
    const { actor } = await context.principal();
    const fields = { ...input, platformRole: input.platformRole as PlatformRole | null };
    const outcome = await orBusy(createUser(accountsOf(context), actor, fields));
    return payload(outcome, (user) => ({ user }));
  }

  @Mutation(() => UserPayload, {
    complexity: passwordCost,
    description: 'Changes a person’s account. For platform operators.',
  })
  async updateUser(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => UpdateUserInput, { description: 'The changes.' }) input: UpdateUserInput,
  ) {
    const { actor } = await context.principal();
    const { platformRole, ...rest } = input;
    const changes =
      platformRole === undefined
        ? rest
        : { ...rest, platformRole: platformRole as PlatformRole | null };
    const outcome = await orBusy(updateUser(accountsOf(context), actor, changes));
    return payload(outcome, (user) => ({ user }));
  }

  @Mutation(() => DeletePayload, {
    description:
      'Deletes the account of a person who is a member of no organization. Records of what the person did stay. For platform operators.',
  })
  async deleteUser(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => DeleteOnPlatformInput, { description: 'The person.' })
    input: DeleteOnPlatformInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await deleteUser(context.services.store, actor, input);
    return payload(outcome, ({ id }) => ({ deletedId: id }));
  }

  @Mutation(() => MemberPayload, {
    description:
      'Takes a person who has an account into an organization at once. For platform operators; who manages its members invites, which tells nobody whether there is such an account.',
  })
  async addMember(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => AddMemberInput, { description: 'Whom, and as what.' })
    input: AddMemberInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const fields = { ...input, role: input.role as Role | null | undefined };
    const outcome = await addMember(context.services.store, granter, fields);
    return payload(outcome, (member) => ({ member: memberView(member) }));
  }

  @Mutation(() => MemberPayload, {
    description: 'Gives a member another role; the member’s API keys follow at once.',
  })
  async updateMember(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => UpdateMemberInput, { description: 'Whom, and as what.' })
    input: UpdateMemberInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const fields = { ...input, role: input.role as Role | null | undefined };
    const outcome = await updateMember(context.services.store, granter, fields);
    return payload(outcome, (member) => ({ member: memberView(member) }));
  }

  @Mutation(() => MemberPayload, {
    description: 'Ends a membership, and the API keys that act for the member, in one change.',
  })
  async removeMember(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => RemoveMemberInput, { description: 'Whom.' }) input: RemoveMemberInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const outcome = await removeMember(context.services.store, granter, input);
    return payload(outcome, (member) => ({ member: memberView(member) }));
  }
}
