import {
  Arg,
  Args,
  Ctx,
  FieldResolver,
  ID,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import {
  type AuditEntryView,
  type AuditFilterFields,
  auditOrder,
  listAuditEntries,
} from '../../registry/audit-entries.ts';
import type { GraphqlContext } from '../context.ts';
import { type Subscribing, subscriberOf } from '../subscription/subscriber.ts';
import { AuditEntryConnection, AuditEntryType, AuditFilter } from '../types/audit.ts';
import { connection, PageArgs } from '../types/connection.ts';
import { OrganizationType } from '../types/organization.ts';
import { pageOf } from './page-of.ts';

async function page(
  context: GraphqlContext,
  organizationId: string | null,
  args: PageArgs,
  filter: AuditFilter | null,
) {
  const request = pageOf(context, args, auditOrder);
  const { store } = context.services;
  const found = await listAuditEntries(store, organizationId, filter ?? {}, request);
  return connection(found, ({ sequence }) => [String(sequence)]);
}

interface AuditArguments {
  readonly organizationId: string;
  readonly filter?: AuditFilterFields | null;
}

@Resolver(() => OrganizationType)
export class AuditResolver {
  @FieldResolver(() => AuditEntryConnection, { description: 'Its audit trail.' })
  async auditEntries(
    @Root() { id }: OrganizationType,
    @Ctx() context: GraphqlContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => AuditFilter, { nullable: true, description: 'Which entries to list.' })
    filter: AuditFilter | null,
  ) {
    return page(context, id, args, filter);
  }

  @Query(() => AuditEntryConnection, {
    description: 'The platform’s audit trail. For platform operators.',
  })
  async platformAuditEntries(
    @Ctx() context: GraphqlContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => AuditFilter, { nullable: true, description: 'Which entries to list.' })
    filter: AuditFilter | null,
  ) {
    return page(context, null, args, filter);
  }

  @Subscription(() => AuditEntryType, {
    description:
      'Entries of an organization’s audit trail as they are committed, each once, in the order of their sequence.',
    subscribe: async ({ args, context }: Subscribing<AuditArguments>) =>
      context.services.subscriptions.auditEntries(
        await subscriberOf(context, 'auditEntryAdded', args.organizationId),
        args.organizationId.toLowerCase(),
        args.filter ?? {},
      ),
  })
  auditEntryAdded(
    @Root() entry: AuditEntryView,
    @Arg('organizationId', () => ID, { description: 'The organization.' }) _organizationId: string,
    @Arg('filter', () => AuditFilter, { nullable: true, description: 'Which to follow.' })
    _filter: AuditFilter | null,
  ): AuditEntryView {
    return entry;
  }
}
