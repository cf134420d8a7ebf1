import { Arg, Args, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import { oldestFirst } from '../../input/find-page.ts';
import {
  createNodeGroup,
  deleteNodeGroup,
  findNodeGroup,
  listNodeGroups,
  updateNodeGroup,
} from '../../registry/node-groups.ts';
import {
  createNodeToken,
  deleteNodeToken,
  listNodeTokens,
  revokeNodeToken,
  updateNodeToken,
} from '../../registry/node-tokens.ts';
import { findNodes, listNodes } from '../../registry/nodes.ts';
import { findRollout } from '../../registry/rollouts.ts';
import type { GraphqlContext } from '../context.ts';
import { connection, PageArgs } from '../types/connection.ts';
import { DeleteOnPlatformInput, DeletePayload } from '../types/delete-input.ts';
import {
  CreateNodeGroupInput,
  CreateNodeTokenInput,
  CreateNodeTokenPayload,
  NodeConnection,
  NodeFilter,
  NodeGroupConnection,
  NodeGroupPayload,
  NodeGroupType,
  NodeTokenConnection,
  NodeTokenPayload,
  NodeType,
  RolloutType,
  UpdateNodeGroupInput,
  UpdateNodeTokenInput,
} from '../types/node-group.ts';
import { SafeInt } from '../types/scalars.ts';
import { payload } from '../types/user-error.ts';
import { idKey, pageOf } from './page-of.ts';

@Resolver()
export class NodeResolver {
  @Query(() => NodeGroupType, {
    nullable: true,
    description: 'A node group, or null. For platform operators.',
  })
  async nodeGroup(
    @Ctx() context: GraphqlContext,
    @Arg('id', () => ID, { description: 'The group.' }) id: string,
  ) {
    return findNodeGroup(context.services.store, id);
  }

  @Query(() => NodeGroupConnection, { description: 'The node groups. For platform operators.' })
  async nodeGroups(@Ctx() context: GraphqlContext, @Args(() => PageArgs) page: PageArgs) {
    const request = pageOf(context, page, oldestFirst);
    return connection(await listNodeGroups(context.services.store, request), idKey);
  }

  @Query(() => NodeTokenConnection, {
    description: 'The tokens of proxy nodes. For platform operators.',
  })
  async nodeTokens(
    @Ctx() context: GraphqlContext,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('nodeGroupId', () => ID, { nullable: true, description: 'Only tokens of this group.' })
    nodeGroupId: string | null,
  ) {
    const request = pageOf(context, page, oldestFirst);
    const found = await listNodeTokens(context.services.store, { nodeGroupId }, request);
    return connection(found, idKey);
  }

  @Query(() => NodeType, {
    nullable: true,
    description: 'A proxy node, or null. For platform operators.',
  })
  async node(
    @Ctx() context: GraphqlContext,
    @Arg('id', () => ID, { description: 'The node.' }) id: string,
  ) {
    const [node] = await findNodes(context.services.store, [id], context.services.now());
    return node ?? null;
  }

  @Query(() => NodeConnection, {
    description:
      'The proxy nodes, and how far each follows the configuration. For platform operators.',
  })
  async nodes(
    @Ctx() context: GraphqlContext,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => NodeFilter, { nullable: true, description: 'Which nodes to list.' })
    filter: NodeFilter | null,
  ) {
    const { store, now } = context.services;
    const request = pageOf(context, page, oldestFirst);
    return connection(await listNodes(store, filter ?? {}, request, now()), idKey);
  }

  @Query(() => RolloutType, {
    nullable: true,
    description:
      'How a revision spread over the nodes; null when there is no such revision. For platform operators.',
  })
  async rollout(
    @Ctx() context: GraphqlContext,
    @Arg('revision', () => SafeInt, { description: 'The revision.' }) revision: number,
  ) {
    return findRollout(context.services.store, revision);
  }

  @Mutation(() => NodeGroupPayload, {
    description: 'Creates a node group. For platform operators.',
  })
  async createNodeGroup(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => CreateNodeGroupInput, { description: 'The group.' })
    input: CreateNodeGroupInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await createNodeGroup(context.services.registry, actor, input);
    return payload(outcome, (nodeGroup) => ({ nodeGroup }));
  }

  @Mutation(() => NodeGroupPayload, {
    description:
      'Changes a node group; its nodes gain or lose organizations at once. For platform operators.',
  })
  async updateNodeGroup(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => UpdateNodeGroupInput, { description: 'The changes.' })
    input: UpdateNodeGroupInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await updateNodeGroup(context.services.store, actor, input);
    return payload(outcome, (nodeGroup) => ({ nodeGroup }));
  }

  @Mutation(() => DeletePayload, {
    description:
      'Deletes a node group that has no usable token any more, with its sealing keys and what is known of its nodes. For platform operators.',
  })
  async deleteNodeGroup(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => DeleteOnPlatformInput, { description: 'The group.' })
    input: DeleteOnPlatformInput,
  ) {
    const { store, now } = context.services;
    const { actor } = await context.principal();
    const outcome = await deleteNodeGroup(store, actor, input, now());
    return payload(outcome, ({ id }) => ({ deletedId: id }));
  }

  @Mutation(() => CreateNodeTokenPayload, {
    description:
      'Creates a token for a proxy node, which is shown this once. For platform operators.',
  })
  async createNodeToken(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => CreateNodeTokenInput, { description: 'The token.' })
    input: CreateNodeTokenInput,
  ) {
    const { store, now } = context.services;
    const { actor } = await context.principal();
    const outcome = await createNodeToken(store, actor, input, now());
    return payload(outcome, ({ nodeToken, token }) => ({ nodeToken, token }));
  }

  @Mutation(() => NodeTokenPayload, {
    description: 'Sets when a node token ends. For platform operators.',
  })
  async updateNodeToken(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => UpdateNodeTokenInput, { description: 'The changes.' })
    input: UpdateNodeTokenInput,
  ) {
    const { store, now } = context.services;
    const { actor } = await context.principal();
    const outcome = await updateNodeToken(store, actor, input, now());
    return payload(outcome, (nodeToken) => ({ nodeToken }));
  }

  @Mutation(() => NodeTokenPayload, {
    description:
      'Ends a node token, and the streams opened with it, at once; its record stays. For platform operators.',
  })
  async revokeNodeToken(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => DeleteOnPlatformInput, { description: 'The token.' })
    input: DeleteOnPlatformInput,
  ) {
    const { store, now } = context.services;
    const { actor } = await context.principal();
    const outcome = await revokeNodeToken(store, actor, input, now());
    return payload(outcome, (nodeToken) => ({ nodeToken }));
  }

  @Mutation(() => DeletePayload, {
    description: 'Ends a node token at once and removes its record. For platform operators.',
  })
  async deleteNodeToken(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => DeleteOnPlatformInput, { description: 'The token.' })
    input: DeleteOnPlatformInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await deleteNodeToken(context.services.store, actor, input);
    return payload(outcome, ({ id }) => ({ deletedId: id }));
  }
}
