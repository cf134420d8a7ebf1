import { Arg, ID, Resolver, Root, Subscription } from 'type-graphql';
import type { NodeFilterFields, NodeView } from '../../registry/nodes.ts';
import type { RequestLogView } from '../../registry/request-log-policies.ts';
import type { RequestLogFilterFields } from '../../registry/request-logs.ts';
import {
  type PolicyChange,
  policyChanges,
  type ServerChange,
  serverChanges,
} from '../subscription/row-changes.ts';
import { type Subscribing, subscriberOf } from '../subscription/subscriber.ts';
import { NodeFilter, NodeType } from '../types/node-group.ts';
import { PolicyChangeType } from '../types/policy.ts';
import { RequestLogFilter, RequestLogType } from '../types/request-log.ts';
import { ServerChangeType } from '../types/server.ts';

interface RequestLogArguments {
  readonly organizationId: string;
  readonly filter?: RequestLogFilterFields | null;
}

interface OrganizationArguments {
  readonly organizationId: string;
}

interface NodeArguments {
  readonly filter?: NodeFilterFields | null;
}

@Resolver()
export class SubscriptionResolver {
  @Subscription(() => RequestLogType, {
    description:
      'Records of an organization’s calls as they arrive, each once. Ends with `TOKEN_EXPIRED` when the access token does, with `UNAUTHENTICATED` or `FORBIDDEN` as soon as the caller may no longer read them, and with `SUBSCRIPTION_LAGGED` when events come faster than they are taken.',
    subscribe: async ({ args, context }: Subscribing<RequestLogArguments>) =>
      context.services.subscriptions.requestLogs(
        await subscriberOf(context, 'requestLogAdded', args.organizationId),
        args.organizationId.toLowerCase(),
        args.filter ?? {},
      ),
  })
  requestLogAdded(
    @Root() entry: RequestLogView,
    @Arg('organizationId', () => ID, { description: 'The organization.' }) _organizationId: string,
    @Arg('filter', () => RequestLogFilter, { nullable: true, description: 'Which to follow.' })
    _filter: RequestLogFilter | null,
  ): RequestLogView {
    return entry;
  }

  @Subscription(() => ServerChangeType, {
    description: 'Committed changes to an organization’s servers, in the order of their revisions.',
    subscribe: async ({ args, context }: Subscribing<OrganizationArguments>) =>
      context.services.subscriptions.changes(
        await subscriberOf(context, 'serverChanged', args.organizationId),
        args.organizationId.toLowerCase(),
        serverChanges,
      ),
  })
  serverChanged(
    @Root() change: ServerChange,
    @Arg('organizationId', () => ID, { description: 'The organization.' }) _organizationId: string,
  ): ServerChange {
    return change;
  }

  @Subscription(() => PolicyChangeType, {
    description:
      'Committed changes to an organization’s policies, in the order of their revisions. Moves are among them.',
    subscribe: async ({ args, context }: Subscribing<OrganizationArguments>) =>
      context.services.subscriptions.changes(
        await subscriberOf(context, 'policyChanged', args.organizationId),
        args.organizationId.toLowerCase(),
        policyChanges,
      ),
  })
  policyChanged(
    @Root() change: PolicyChange,
    @Arg('organizationId', () => ID, { description: 'The organization.' }) _organizationId: string,
  ): PolicyChange {
    return change;
  }

  @Subscription(() => NodeType, {
    description:
      'Nodes whose state changed. Several changes in a moment are one event with the latest state. For platform operators.',
    subscribe: async ({ args, context }: Subscribing<NodeArguments>) =>
      context.services.subscriptions.nodes(
        await subscriberOf(context, 'nodeChanged'),
        args.filter ?? {},
      ),
  })
  nodeChanged(
    @Root() node: NodeView,
    @Arg('filter', () => NodeFilter, { nullable: true, description: 'Which nodes to follow.' })
    _filter: NodeFilter | null,
  ): NodeView {
    return node;
  }
}
