import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import { listLoginIssuers } from '../../identity/oidc-login/login-issuers.ts';
import { beginOidcLogin, completeOidcLogin } from '../../identity/oidc-login/oidc-login.ts';
import type { GraphqlContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import {
  BeginOidcLoginInput,
  BeginOidcLoginPayload,
  CompleteOidcLoginInput,
  LoginIssuerType,
} from '../types/oidc-login.ts';
import { LoginPayloadType } from '../types/session.ts';
import { payload } from '../types/user-error.ts';
import { passwordCost, tooManyAttempts } from './or-busy.ts';
import { unlessLimited } from './password-resolver.ts';
import { loginPayload, noteLimited } from './session-resolver.ts';

@Resolver()
export class OidcLoginResolver {
  @Query(() => [LoginIssuerType], {
    description:
      'Issuers that people of an organization may log in through; none for an unknown organization.',
  })
  async loginIssuers(
    @Ctx() context: GraphqlContext,
    @Arg('organization', () => String, { description: 'Slug of the organization.' })
    organization: string,
  ): Promise<LoginIssuerType[]> {
    const names = await listLoginIssuers(context.services.store, organization);
    return names.map((name) => ({ name }));
  }

  @Mutation(() => BeginOidcLoginPayload, {
    description:
      'Begins a log-in through an organization’s issuer (authorization code with PKCE). The caller owns the redirect URL and ends the log-in with `completeOidcLogin`. Fails with `TOO_MANY_ATTEMPTS` when many log-ins of the same address have not come back.',
  })
  async beginOidcLogin(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => BeginOidcLoginInput, { description: 'Where to log in.' })
    input: BeginOidcLoginInput,
  ) {
    const { clientAddress, services } = context;
    const begun = await beginOidcLogin(services.oidcLogin, { ...input, clientAddress });
    const outcome = await unlessLimited(context, 'Mutation.beginOidcLogin', begun);
    return payload(outcome, (login) => ({ ...login }));
  }

  @Mutation(() => LoginPayloadType, {
    complexity: passwordCost,
    description:
      'Opens a session for whom the issuer vouches; it is good in the issuer’s organization alone, and never as operator. Fails with `LOGIN_FAILED` (the organization’s audit trail says why), or with `TOO_MANY_ATTEMPTS` after repeated failures.',
  })
  async completeOidcLogin(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => CompleteOidcLoginInput, { description: 'What came back.' })
    input: CompleteOidcLoginInput,
  ): Promise<LoginPayloadType> {
    const { clientAddress, userAgent, services } = context;
    const completion = { ...input, iss: input.iss ?? null, clientAddress, userAgent };
    const result = await completeOidcLogin(services.oidcLogin, completion);
    if (result.kind === 'limited') {
      services.credentials.login('limited');
      await noteLimited(context, 'Mutation.completeOidcLogin');
      throw tooManyAttempts(result.retryAfterMs);
    }
    services.credentials.login(result.kind === 'loggedIn' ? 'logged_in' : 'failed');
    if (result.kind === 'failed') {
      throw new ApiError('LOGIN_FAILED', 'The log-in through the issuer failed.');
    }
    return loginPayload(result);
  }
}
