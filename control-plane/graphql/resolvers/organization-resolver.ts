import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { listApiKeys } from '../../identity/api-keys.ts';
import { listMembers, memberOrder } from '../../identity/members.ts';
import {
  createOrganization,
  deleteOrganization,
  findOrganization,
  listOrganizations,
  type OrganizationChanges,
  updateOrganization,
} from '../../identity/organizations.ts';
import type { PolicySettings } from '../../identity/policy-settings.ts';
import type { Role } from '../../identity/roles.ts';
import { oldestFirst } from '../../input/find-page.ts';
import { checkExpectations } from '../../policy/expectations.ts';
import { listRequestLogs, requestLogKeys, requestLogOrder } from '../../registry/request-logs.ts';
import { listServers } from '../../registry/servers.ts';
import type { McpTransport } from '../../store/entities/mcp-server.ts';
import type { CallDecision } from '../../store/entities/request-log.ts';
import { type GraphqlContext, personOf } from '../context.ts';
import { ApiError } from '../errors.ts';
import { connection, PageArgs } from '../types/connection.ts';
import {
  ApiKeyConnection,
  ApiKeyFilter,
  MemberConnection,
  MemberFilter,
} from '../types/identity.ts';
import {
  CreateOrganizationInput,
  DeleteOrganizationInput,
  OrganizationConnection,
  OrganizationFilter,
  OrganizationPayload,
  OrganizationType,
  UpdateOrganizationInput,
} from '../types/organization.ts';
import { RequestLogConnection, RequestLogFilter } from '../types/request-log.ts';
import { ServerConnection, ServerFilter } from '../types/server.ts';
import { payload } from '../types/user-error.ts';
import { apiKeyView } from './api-key-resolver.ts';
import { memberView } from './identity-resolver.ts';
import { idKey, pageOf } from './page-of.ts';

@Resolver(() => OrganizationType)
export class OrganizationResolver {
  @Query(() => OrganizationType, {
    nullable: true,
    description: 'An organization by its id or by its slug, or null. Give exactly one.',
  })
  async organization(
    @Ctx() context: GraphqlContext,
    @Arg('id', () => ID, { nullable: true, description: 'Its id.' }) id: string | null,
    @Arg('slug', () => String, { nullable: true, description: 'Its slug.' }) slug: string | null,
  ) {
    const viewer = await context.principal();
    const { store } = context.services;
    if (typeof id === 'string' && typeof slug !== 'string') {
      return findOrganization(store, viewer, { id });
    }
    if (typeof slug === 'string' && typeof id !== 'string') {
      return findOrganization(store, viewer, { slug });
    }
    throw new ApiError('BAD_USER_INPUT', 'Give either id or slug.', { argument: 'id' });
  }

  @Query(() => OrganizationConnection, {
    description: 'The caller’s organizations; for platform operators, all.',
  })
  async organizations(
    @Ctx() context: GraphqlContext,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => OrganizationFilter, { nullable: true, description: 'Which to list.' })
    filter: OrganizationFilter | null,
  ) {
    const viewer = await context.principal();
    const request = pageOf(context, page, oldestFirst);
    const found = await listOrganizations(context.services.store, viewer, filter ?? {}, request);
    return connection(found, idKey);
  }

  @FieldResolver(() => MemberConnection, { description: 'Its members.' })
  async members(
    @Root() { id }: OrganizationType,
    @Ctx() context: GraphqlContext,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => MemberFilter, { nullable: true, description: 'Which members to list.' })
    filter: MemberFilter | null,
  ) {
    const request = pageOf(context, page, memberOrder);
    const role = (filter?.role ?? null) as Role | null;
    const found = await listMembers(context.services.store, id, { ...filter, role }, request);
    const items = found.items.map(memberView);
    return connection({ ...found, items }, ({ userId }) => [userId]);
  }

  @FieldResolver(() => ApiKeyConnection, { description: 'Its API keys.' })
  async apiKeys(
    @Root() { id }: OrganizationType,
    @Ctx() context: GraphqlContext,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => ApiKeyFilter, { nullable: true, description: 'Which keys to list.' })
    filter: ApiKeyFilter | null,
  ) {
    const { store, now } = context.services;
    const request = pageOf(context, page, oldestFirst);
    const found = await listApiKeys(store, id, filter ?? {}, request, now());
    return connection({ ...found, items: found.items.map(apiKeyView) }, idKey);
  }

  @FieldResolver(() => ServerConnection, { description: 'Its MCP servers.' })
  async servers(
    @Root() { id }: OrganizationType,
    @Ctx() context: GraphqlContext,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => ServerFilter, { nullable: true, description: 'Which servers to list.' })
    filter: ServerFilter | null,
  ) {
    const request = pageOf(context, page, oldestFirst);
    const transport = (filter?.transport ?? null) as McpTransport | null;
    const fields = { ...filter, transport };
    return connection(await listServers(context.services.store, id, fields, request), idKey);
  }

  @FieldResolver(() => RequestLogConnection, { description: 'Records of its agents’ calls.' })
  async requestLogs(
    @Root() { id }: OrganizationType,
    @Ctx() context: GraphqlContext,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => RequestLogFilter, { nullable: true, description: 'Which to list.' })
    filter: RequestLogFilter | null,
  ) {
    const request = pageOf(context, page, requestLogOrder);
    const decision = (filter?.decision ?? null) as CallDecision | null;
    const found = await listRequestLogs(
      context.services.store,
      id,
      { ...filter, decision },
      request,
    );
    return connection(found, requestLogKeys);
  }

  @Mutation(() => OrganizationPayload, {
    description: 'Creates an organization with its first owner. For platform operators.',
  })
  async createOrganization(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => CreateOrganizationInput, { description: 'The organization.' })
    input: CreateOrganizationInput,
  ) {
    const { actor, user } = await personOf(context);
    const outcome = await createOrganization(context.services.store, actor, {
      ...(input as CreateOrganizationInput & PolicySettings),
      enabled: true,
      ownerId: input.ownerId ?? user.id,
    });
    return payload(outcome, (organization) => ({ organization }));
  }

  @Mutation(() => OrganizationPayload, {
    description: 'Changes an organization.',
  })
  async updateOrganization(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => UpdateOrganizationInput, { description: 'The changes.' })
    input: UpdateOrganizationInput,
  ) {
    const { actor } = await context.principal();
    const changes = input as OrganizationChanges;
    const { store } = context.services;
    const outcome = await updateOrganization(store, actor, changes, checkExpectations);
    return payload(outcome, (organization) => ({ organization }));
  }

  @Mutation(() => OrganizationPayload, {
    description:
      'Deletes an organization with its servers, credentials, API keys and memberships, in one change. Its request logs and its audit trail stay.',
  })
  async deleteOrganization(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => DeleteOrganizationInput, { description: 'The organization.' })
    input: DeleteOrganizationInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await deleteOrganization(context.services.store, actor, input);
    return payload(outcome, (organization) => ({ organization }));
  }
}
