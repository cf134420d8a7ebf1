import { Arg, Args, Ctx, FieldResolver, Mutation, Resolver, Root } from 'type-graphql';
import type { DefinitionKind } from '../../definitions/offered-definition.ts';
import { claimedHints, effectiveHints } from '../../definitions/tool-annotations.ts';
import {
  approveServerTools,
  approveTool,
  requestDefinitions,
  revokeToolApproval,
} from '../../definitions/tool-approvals.ts';
import {
  type DefinitionFilterFields,
  type DefinitionRow,
  listDefinitions,
  type ToolApproval,
} from '../../definitions/tool-definitions.ts';
import { oldestFirst } from '../../input/find-page.ts';
import { findServers } from '../../registry/servers.ts';
import type { GraphqlContext } from '../context.ts';
import { connection, PageArgs } from '../types/connection.ts';
import {
  ApproveServerToolsPayload,
  ApproveToolInput,
  DefinitionFilter,
  OfferedDefinitionConnection,
  type OfferedDefinitionType,
  RefreshServerDefinitionsPayload,
  RevokeToolApprovalInput,
  ServerDefinitionsInput,
  ToolDefinitionConnection,
  type ToolDefinitionType,
  ToolFilter,
  ToolPayload,
} from '../types/definition.ts';
import { OrganizationType } from '../types/organization.ts';
import { payload } from '../types/user-error.ts';
import { idKey, pageOf } from './page-of.ts';

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function objectOf(value: unknown): object | null {
  return typeof value === 'object' && !Array.isArray(value) ? value : null;
}

function offeredView(row: DefinitionRow): OfferedDefinitionType {
  const { id, organizationId, serverId, name, definition, hash, firstSeenAt, changedAt } = row;
  return {
    ...{ id, organizationId, serverId, name, definition, hash, firstSeenAt, changedAt },
    title: textOf(definition['title']),
    description: textOf(definition['description']),
  };
}

function toolView(row: DefinitionRow): ToolDefinitionType {
  const { definition, approval, pinnedHash, pinnedDefinition, approvedBy, approvedAt } = row;
  return {
    ...offeredView(row),
    ...{ approval, pinnedHash, pinnedDefinition, approvedBy, approvedAt },
    inputSchema: objectOf(definition['inputSchema']),
    outputSchema: objectOf(definition['outputSchema']),
    claimedAnnotations: claimedHints(definition),
    annotations: effectiveHints(pinnedDefinition),
    offered: row.goneAt === null,
  };
}

interface Listing {
  readonly filter: DefinitionFilterFields;
  readonly page: PageArgs;
}

async function found(
  context: GraphqlContext,
  { id }: OrganizationType,
  kind: DefinitionKind,
  { filter, page }: Listing,
) {
  const request = pageOf(context, page, oldestFirst);
  return listDefinitions(context.services.store, id, kind, { filter, page: request });
}

async function offered(...args: Parameters<typeof found>) {
  const page = await found(...args);
  return connection({ ...page, items: page.items.map(offeredView) }, idKey);
}

@Resolver(() => OrganizationType)
export class OrganizationDefinitionsResolver {
  @FieldResolver(() => ToolDefinitionConnection, {
    description: 'Tools that its servers offer, and those that are approved and gone.',
  })
  async tools(
    @Ctx() context: GraphqlContext,
    @Root() organization: OrganizationType,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => ToolFilter, { nullable: true, description: 'Which tools to list.' })
    filter: ToolFilter | null,
  ) {
    const approval = (filter?.approval ?? null) as ToolApproval | null;
    const listing = { filter: { ...filter, approval }, page };
    const tools = await found(context, organization, 'tool', listing);
    return connection({ ...tools, items: tools.items.map(toolView) }, idKey);
  }

  @FieldResolver(() => OfferedDefinitionConnection, {
    description: 'Resources that its servers offer.',
  })
  resources(
    @Ctx() context: GraphqlContext,
    @Root() organization: OrganizationType,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => DefinitionFilter, { nullable: true, description: 'Which to list.' })
    filter: DefinitionFilter | null,
  ) {
    return offered(context, organization, 'resource', { filter: filter ?? {}, page });
  }

  @FieldResolver(() => OfferedDefinitionConnection, {
    description: 'Resource templates that its servers offer.',
  })
  resourceTemplates(
    @Ctx() context: GraphqlContext,
    @Root() organization: OrganizationType,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => DefinitionFilter, { nullable: true, description: 'Which to list.' })
    filter: DefinitionFilter | null,
  ) {
    return offered(context, organization, 'resource_template', { filter: filter ?? {}, page });
  }

  @FieldResolver(() => OfferedDefinitionConnection, {
    description: 'Prompts that its servers offer.',
  })
  prompts(
    @Ctx() context: GraphqlContext,
    @Root() organization: OrganizationType,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => DefinitionFilter, { nullable: true, description: 'Which to list.' })
    filter: DefinitionFilter | null,
  ) {
    return offered(context, organization, 'prompt', { filter: filter ?? {}, page });
  }
}

@Resolver()
export class DefinitionResolver {
  @Mutation(() => ToolPayload, {
    description:
      'Approves of a tool’s definition: its annotations count from then on, until the approval is taken back.',
  })
  async approveTool(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => ApproveToolInput, { description: 'The definition.' })
    input: ApproveToolInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await approveTool(context.services.store, actor, input);
    return payload(outcome, ({ tool, revision }) => ({ tool: tool && toolView(tool), revision }));
  }

  @Mutation(() => ApproveServerToolsPayload, {
    description:
      'Approves of all that a server offers as tools now. For a server that is trusted as a whole: nobody looks at the definitions one by one.',
  })
  async approveServerTools(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => ServerDefinitionsInput, { description: 'The server.' })
    input: ServerDefinitionsInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await approveServerTools(context.services.store, actor, input);
    return payload(outcome, ({ count, revision }) => ({ approvedCount: count, revision }));
  }

  @Mutation(() => ToolPayload, {
    description: 'Takes an approval back: the tool’s annotations count no more.',
  })
  async revokeToolApproval(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => RevokeToolApprovalInput, { description: 'The tool.' })
    input: RevokeToolApprovalInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await revokeToolApproval(context.services.store, actor, input);
    return payload(outcome, ({ tool, revision }) => ({ tool: tool && toolView(tool), revision }));
  }

  @Mutation(() => RefreshServerDefinitionsPayload, {
    description:
      'Has the worker ask a server now what it offers, instead of at `definitions.nextFetchAt`; not more often than every five seconds.',
  })
  async refreshServerDefinitions(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => ServerDefinitionsInput, { description: 'The server.' })
    input: ServerDefinitionsInput,
  ) {
    const { actor } = await context.principal();
    const { store } = context.services;
    const outcome = await requestDefinitions(store, actor, input);
    if (!outcome.ok) return payload(outcome, () => ({}));
    const [server] = await findServers(store, input.organizationId, [input.serverId]);
    return payload({ ok: true, value: server ?? null }, (found) => ({ server: found }));
  }
}
