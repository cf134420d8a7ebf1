import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import {
  createCustomRole,
  deleteCustomRole,
  findCustomRole,
  listCustomRoles,
  updateCustomRole,
} from '../../identity/custom-roles.ts';
import { isPermission } from '../../identity/roles.ts';
import { oldestFirst } from '../../input/find-page.ts';
import type { CustomRole } from '../../store/entities/custom-role.ts';
import { type GraphqlContext, granterIn } from '../context.ts';
import {
  CreateCustomRoleInput,
  CustomRoleConnection,
  CustomRolePayload,
  CustomRoleType,
  UpdateCustomRoleInput,
} from '../types/automation.ts';
import { connection, PageArgs } from '../types/connection.ts';
import { DeleteInOrganizationInput, DeletePayload } from '../types/delete-input.ts';
import { OrganizationType } from '../types/organization.ts';
import { payload } from '../types/user-error.ts';
import { idKey, pageOf } from './page-of.ts';

/** A role as it is shown: without permissions that only another version of the gateway knows. */
function customRoleView(role: CustomRole): CustomRoleType {
  const { id, organizationId, name, description, createdAt, updatedAt, version } = role;
  const permissions = role.permissions.filter(isPermission);
  return { id, organizationId, name, description, permissions, createdAt, updatedAt, version };
}

@Resolver(() => OrganizationType)
export class CustomRoleResolver {
  @FieldResolver(() => CustomRoleConnection, {
    description: 'Its own roles, besides the built-in ones.',
  })
  async customRoles(
    @Root() { id }: OrganizationType,
    @Ctx() context: GraphqlContext,
    @Args(() => PageArgs) page: PageArgs,
  ) {
    const request = pageOf(context, page, oldestFirst);
    const found = await listCustomRoles(context.services.store, id, request);
    return connection({ ...found, items: found.items.map(customRoleView) }, idKey);
  }

  @Query(() => CustomRoleType, { nullable: true, description: 'A custom role, or null.' })
  async customRole(
    @Ctx() context: GraphqlContext,
    @Arg('organizationId', () => ID, { description: 'The organization.' }) organizationId: string,
    @Arg('id', () => ID, { description: 'The role.' }) id: string,
  ) {
    const role = await findCustomRole(context.services.store, organizationId, id);
    return role && customRoleView(role);
  }

  @Mutation(() => CustomRolePayload, {
    description: 'Creates a role from permissions that the caller has.',
  })
  async createCustomRole(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => CreateCustomRoleInput, { description: 'The role.' })
    input: CreateCustomRoleInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const outcome = await createCustomRole(context.services.store, granter, input);
    return payload(outcome, (role) => ({ customRole: customRoleView(role) }));
  }

  @Mutation(() => CustomRolePayload, {
    description: 'Changes a role, from the next request of everybody who has it.',
  })
  async updateCustomRole(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => UpdateCustomRoleInput, { description: 'The changes.' })
    input: UpdateCustomRoleInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const outcome = await updateCustomRole(context.services.store, granter, input);
    return payload(outcome, (role) => ({ customRole: customRoleView(role) }));
  }

  @Mutation(() => DeletePayload, { description: 'Deletes a role that nobody has any more.' })
  async deleteCustomRole(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => DeleteInOrganizationInput, { description: 'The role.' })
    input: DeleteInOrganizationInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const outcome = await deleteCustomRole(context.services.store, granter, input);
    return payload(outcome, ({ id }) => ({ deletedId: id }));
  }
}
