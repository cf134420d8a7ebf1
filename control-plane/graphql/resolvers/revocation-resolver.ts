import { Arg, Args, Ctx, FieldResolver, Mutation, Resolver, Root } from 'type-graphql';
import {
  latestRevocationFirst,
  listRevocations,
  revokeSubject,
  revokeToken,
} from '../../identity/manual-revocations.ts';
import type { GraphqlContext } from '../context.ts';
import { connection, PageArgs } from '../types/connection.ts';
import { OrganizationType } from '../types/organization.ts';
import {
  RevocationConnection,
  RevocationPayload,
  RevokeSubjectInput,
  RevokeTokenInput,
} from '../types/revocation.ts';
import { payload } from '../types/user-error.ts';
import { pageOf } from './page-of.ts';

@Resolver()
export class RevocationResolver {
  @Mutation(() => RevocationPayload, {
    description:
      'Ends every access token that a subject holds for the organization’s servers, and the calls that are under way with them. New tokens count again; of an issuer of the organization, those issued five minutes later.',
  })
  async revokeSubject(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => RevokeSubjectInput, { description: 'Whose tokens.' })
    input: RevokeSubjectInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await revokeSubject(context.services.store, actor, input);
    return payload(outcome, (revocation) => ({ revocation }));
  }

  @Mutation(() => RevocationPayload, {
    description: 'Ends one access token, and the calls that are under way with it.',
  })
  async revokeToken(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => RevokeTokenInput, { description: 'Which token.' })
    input: RevokeTokenInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await revokeToken(context.services.store, actor, input);
    return payload(outcome, (revocation) => ({ revocation }));
  }
}

@Resolver(() => OrganizationType)
export class OrganizationRevocationsResolver {
  @FieldResolver(() => RevocationConnection, {
    description: 'Access tokens of its that ended before they expire.',
  })
  async revocations(
    @Root() { id }: OrganizationType,
    @Ctx() context: GraphqlContext,
    @Args(() => PageArgs) page: PageArgs,
  ) {
    const request = pageOf(context, page, latestRevocationFirst);
    const found = await listRevocations(context.services.store, id, request);
    return connection(found, (row) => [row.createdAt.toISOString(), row.id]);
  }
}
