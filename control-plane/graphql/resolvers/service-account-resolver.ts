import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Role } from '../../identity/roles.ts';
import {
  createServiceAccount,
  deleteServiceAccount,
  findServiceAccount,
  listServiceAccounts,
  type ServiceAccountView,
  updateServiceAccount,
} from '../../identity/service-accounts.ts';
import { oldestFirst } from '../../input/find-page.ts';
import { type GraphqlContext, granterIn } from '../context.ts';
import {
  CreateServiceAccountInput,
  ServiceAccountConnection,
  ServiceAccountFilter,
  ServiceAccountPayload,
  ServiceAccountType,
  UpdateServiceAccountInput,
} from '../types/automation.ts';
import { connection, PageArgs } from '../types/connection.ts';
import { DeleteInOrganizationInput, DeletePayload } from '../types/delete-input.ts';
import { OrganizationType } from '../types/organization.ts';
import { payload } from '../types/user-error.ts';
import { idKey, pageOf } from './page-of.ts';

function shown({ account, role }: ServiceAccountView): ServiceAccountType {
  const { id, organizationId, name, description, disabledAt, createdAt, updatedAt } = account;
  return {
    ...{ id, organizationId, name, description, disabledAt, createdAt, updatedAt },
    version: account.version,
    role: role.role,
    customRoleId: role.customRoleId,
    roleName: role.name,
  };
}

@Resolver(() => OrganizationType)
export class ServiceAccountResolver {
  @FieldResolver(() => ServiceAccountConnection, { description: 'Its service accounts.' })
  async serviceAccounts(
    @Root() { id }: OrganizationType,
    @Ctx() context: GraphqlContext,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => ServiceAccountFilter, { nullable: true, description: 'Which to list.' })
    filter: ServiceAccountFilter | null,
  ) {
    const request = pageOf(context, page, oldestFirst);
    const found = await listServiceAccounts(context.services.store, id, filter ?? {}, request);
    return connection({ ...found, items: found.items.map(shown) }, idKey);
  }

  @Query(() => ServiceAccountType, { nullable: true, description: 'A service account, or null.' })
  async serviceAccount(
    @Ctx() context: GraphqlContext,
    @Arg('organizationId', () => ID, { description: 'The organization.' }) organizationId: string,
    @Arg('id', () => ID, { description: 'The account.' }) id: string,
  ) {
    const found = await findServiceAccount(context.services.store, organizationId, id);
    return found && shown(found);
  }

  @Mutation(() => ServiceAccountPayload, { description: 'Creates a service account.' })
  async createServiceAccount(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => CreateServiceAccountInput, { description: 'The account.' })
    input: CreateServiceAccountInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const fields = { ...input, role: input.role as Role | null | undefined };
    const outcome = await createServiceAccount(context.services.store, granter, fields);
    return payload(outcome, (view) => ({ serviceAccount: shown(view) }));
  }

  @Mutation(() => ServiceAccountPayload, {
    description: 'Changes a service account; its API keys follow at once.',
  })
  async updateServiceAccount(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => UpdateServiceAccountInput, { description: 'The changes.' })
    input: UpdateServiceAccountInput,
  ) {
    const { store, now } = context.services;
    const granter = await granterIn(context, input.organizationId);
    const fields = { ...input, role: input.role as Role | null | undefined };
    const outcome = await updateServiceAccount(store, granter, fields, now());
    return payload(outcome, (view) => ({ serviceAccount: shown(view) }));
  }

  @Mutation(() => DeletePayload, {
    description: 'Deletes a service account and its API keys, in one change.',
  })
  async deleteServiceAccount(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => DeleteInOrganizationInput, { description: 'The account.' })
    input: DeleteInOrganizationInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const outcome = await deleteServiceAccount(context.services.store, granter, input);
    return payload(outcome, ({ id }) => ({ deletedId: id }));
  }
}
