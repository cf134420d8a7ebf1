import { Arg, Args, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from 'type-graphql';
import { findRevision, listRevisions, revisionOrder } from '../../policy/policy-history.ts';
import type { Policy } from '../../store/entities/policy.ts';
import type { GraphqlContext } from '../context.ts';
import { connection, PageArgs } from '../types/connection.ts';
import { PolicyType } from '../types/policy.ts';
import { PolicyRevisionConnection, PolicyRevisionType } from '../types/policy-history.ts';
import { pageOf } from './page-of.ts';

/** Each policy of a page asks the database for its own revisions. */
const historyCost = 20;

@Resolver(() => PolicyType)
export class PolicyHistoryResolver {
  @Query(() => PolicyRevisionType, {
    nullable: true,
    description: 'What a policy said at a revision, as records of calls name it, or null.',
  })
  async policyRevision(
    @Ctx() context: GraphqlContext,
    @Arg('organizationId', () => ID, { description: 'The organization.' }) organizationId: string,
    @Arg('policyId', () => ID, { description: 'The policy, which may be deleted since.' })
    policyId: string,
    @Arg('revision', () => Int, { description: 'Number of the revision.' }) revision: number,
  ) {
    return findRevision(context.services.store, organizationId, policyId, revision);
  }

  @FieldResolver(() => PolicyRevisionConnection, {
    complexity: historyCost,
    description: 'What it said at each of its revisions, the latest first.',
  })
  async history(
    @Ctx() context: GraphqlContext,
    @Root() { organizationId, id }: Policy,
    @Args(() => PageArgs) page: PageArgs,
  ) {
    const request = pageOf(context, page, revisionOrder);
    const found = await listRevisions(context.services.store, organizationId, id, request);
    return connection(found, ({ revision }) => [String(revision)]);
  }
}
