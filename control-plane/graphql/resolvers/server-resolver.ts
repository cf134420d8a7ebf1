import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import {
  createServer,
  deleteServer,
  findServers,
  type NewServer,
  type ServerChanges,
  updateServer,
} from '../../registry/servers.ts';
import type { GraphqlContext } from '../context.ts';
import { DeleteInOrganizationInput, DeletePayload } from '../types/delete-input.ts';
import {
  CreateServerInput,
  ServerPayload,
  ServerType,
  UpdateServerInput,
} from '../types/server.ts';
import { payload } from '../types/user-error.ts';

@Resolver()
export class ServerResolver {
  @Query(() => ServerType, { nullable: true, description: 'An MCP server, or null.' })
  async server(
    @Ctx() context: GraphqlContext,
    @Arg('organizationId', () => ID, { description: 'The organization.' }) organizationId: string,
    @Arg('id', () => ID, { description: 'The server.' }) id: string,
  ) {
    const [server] = await findServers(context.services.store, organizationId, [id]);
    return server ?? null;
  }

  @Mutation(() => ServerPayload, {
    description: 'Registers an MCP server with its endpoints and its credential, in one change.',
  })
  async createServer(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => CreateServerInput, { description: 'The server.' })
    input: CreateServerInput,
  ) {
    const { actor } = await context.principal();
    const { documentationUrl, connectTimeoutMs, requestTimeoutMs, era, ...rest } = input;
    const fields = {
      ...rest,
      era: era ?? null,
      documentationUrl: documentationUrl ?? null,
      connectTimeoutMs: connectTimeoutMs ?? null,
      requestTimeoutMs: requestTimeoutMs ?? null,
    } as NewServer;
    return payload(await createServer(context.services.registry, actor, fields), (saved) => ({
      ...saved,
    }));
  }

  @Mutation(() => ServerPayload, {
    description: 'Changes a server, its endpoints and its credential, in one change.',
  })
  async updateServer(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => UpdateServerInput, { description: 'The changes.' })
    input: UpdateServerInput,
  ) {
    const { actor } = await context.principal();
    const changes = input as ServerChanges;
    return payload(await updateServer(context.services.registry, actor, changes), (saved) => ({
      ...saved,
    }));
  }

  @Mutation(() => DeletePayload, {
    description:
      'Deletes a server with its endpoints and its credential, in one change; request logs keep its id.',
  })
  async deleteServer(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => DeleteInOrganizationInput, { description: 'The server.' })
    input: DeleteInOrganizationInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await deleteServer(context.services.store, actor, input);
    return payload(outcome, ({ server }) => ({ deletedId: server.id }));
  }
}
