import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { issueProxyToken } from '../../identity/proxy-tokens.ts';
import { type GraphqlContext, personOf } from '../context.ts';
import { IssueProxyTokenInput, ProxyTokenPayload } from '../types/account.ts';
import { payload } from '../types/user-error.ts';

@Resolver()
export class ProxyTokenResolver {
  @Mutation(() => ProxyTokenPayload, {
    description:
      'Gives the caller an access token for one server at the proxy, or one of its tools. It ends with the session, with the membership and when the role changes.',
  })
  async issueProxyToken(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => IssueProxyTokenInput, { description: 'What it is to open.' })
    input: IssueProxyTokenInput,
  ) {
    const person = await personOf(context);
    const outcome = await issueProxyToken(context.services.proxyTokens, person, input);
    return payload(outcome, ({ token, url, scope, expiresAtMs }) => ({
      accessToken: token,
      ...{ url, scope, expiresAt: new Date(expiresAtMs) },
    }));
  }
}
