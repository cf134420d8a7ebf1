import { Arg, Args, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import { type LoggedIn, login } from '../../identity/login.ts';
import {
  endOtherSessions,
  endOwnSession,
  endSessionsOf,
  listOwnSessions,
  listSessionsOf,
  logOut,
  newestSessionFirst,
} from '../../identity/own-sessions.ts';
import { refreshSession } from '../../identity/refresh-tokens.ts';
import type { Session } from '../../store/entities/session.ts';
import { type GraphqlContext, personOf } from '../context.ts';
import { ApiError } from '../errors.ts';
import { connection, PageArgs } from '../types/connection.ts';
import {
  EndSessionInput,
  EndSessionsPayload,
  EndUserSessionsInput,
  LoginPayloadType,
  SessionConnection,
  type SessionType,
} from '../types/session.ts';
import { payload } from '../types/user-error.ts';
import { credentialError } from '../unauthenticated.ts';
import { orBusy, passwordCost, tooManyAttempts } from './or-busy.ts';
import { idKey, pageOf } from './page-of.ts';

/** The tokens of a session that was opened. */
export function loginPayload({ user, access, refresh }: LoggedIn): LoginPayloadType {
  return {
    accessToken: access.token,
    expiresAt: new Date(access.expiresAtMs),
    refreshToken: refresh.token,
    refreshTokenExpiresAt: new Date(refresh.expiresAtMs),
    user,
  };
}

/** A refused attempt is no entry of its own in the audit trail each time: a flood of them would be one. */
export async function noteLimited(context: GraphqlContext, operation: string): Promise<void> {
  await context.services.accessAudit.refused({
    actor: { kind: 'user', id: 'unknown', clientAddress: context.clientAddress },
    operation,
    permission: 'too_many_attempts',
    organizationId: null,
    isMember: false,
  });
}

function sessionView(session: Session, currentId: string | undefined): SessionType {
  const { id, organizationId, clientAddress, userAgent } = session;
  const { createdAt, lastUsedAt, expiresAt } = session;
  return {
    ...{ id, organizationId, clientAddress, userAgent, createdAt, lastUsedAt, expiresAt },
    current: id === currentId,
  };
}

@Resolver()
export class SessionResolver {
  @Query(() => SessionConnection, { description: 'The caller’s own sessions that stand.' })
  async sessions(@Ctx() context: GraphqlContext, @Args(() => PageArgs) page: PageArgs) {
    const person = await personOf(context);
    const { store, now } = context.services;
    const request = pageOf(context, page, newestSessionFirst);
    const found = await listOwnSessions(store, person, request, now());
    const items = found.items.map((session) => sessionView(session, person.sessionId));
    return connection({ ...found, items }, idKey);
  }

  @Query(() => SessionConnection, {
    description: 'The sessions of somebody that stand. For platform operators.',
  })
  async userSessions(
    @Ctx() context: GraphqlContext,
    @Arg('userId', () => ID, { description: 'The person.' }) userId: string,
    @Args(() => PageArgs) page: PageArgs,
  ) {
    const { sessionId } = await personOf(context);
    const { store, now } = context.services;
    const request = pageOf(context, page, newestSessionFirst);
    const found = await listSessionsOf(store, userId, request, now());
    const items = found.items.map((session) => sessionView(session, sessionId));
    return connection({ ...found, items }, idKey);
  }

  @Mutation(() => LoginPayloadType, {
    complexity: passwordCost,
    description:
      'Opens a session with e-mail address and password. Fails with `LOGIN_FAILED`, or with `TOO_MANY_ATTEMPTS` after repeated failures.',
  })
  async login(
    @Ctx() context: GraphqlContext,
    @Arg('email', () => String, { description: 'E-mail address.' }) email: string,
    @Arg('password', () => String, { description: 'Password.' }) password: string,
  ): Promise<LoginPayloadType> {
    const { clientAddress, userAgent, services } = context;
    const { credentials } = services;
    const request = { email, password, clientAddress, userAgent };
    const result = await orBusy(login(services.login, request)).catch((error: unknown) => {
      if (error instanceof ApiError) credentials.login('busy');
      throw error;
    });
    if (result.kind === 'limited') {
      credentials.login('limited');
      await noteLimited(context, 'Mutation.login');
      throw tooManyAttempts(result.retryAfterMs);
    }
    credentials.login(result.kind === 'loggedIn' ? 'logged_in' : 'failed');
    if (result.kind === 'failed') throw new ApiError('LOGIN_FAILED');
    return loginPayload(result);
  }

  @Mutation(() => LoginPayloadType, {
    description:
      'Goes on with a session: gives the next access and refresh token. A refresh token is good once; one that is presented again, also at the same time, ends its session. Fails with `UNAUTHENTICATED` and a reason.',
  })
  async refresh(
    @Ctx() context: GraphqlContext,
    @Arg('refreshToken', () => String, { description: 'The session’s last refresh token.' })
    refreshToken: string,
  ): Promise<LoginPayloadType> {
    const { clientAddress, userAgent, services } = context;
    const result = await refreshSession(services.login, { refreshToken, clientAddress, userAgent });
    if (result.kind === 'limited') {
      await noteLimited(context, 'Mutation.refresh');
      throw tooManyAttempts(result.retryAfterMs);
    }
    if (result.kind === 'refreshed') return loginPayload(result);
    services.credentials.refused(`refresh_${result.reason}`);
    throw credentialError(`refresh_${result.reason}`);
  }

  @Mutation(() => EndSessionsPayload, {
    description: 'Ends the session that the caller acts in.',
  })
  async logout(@Ctx() context: GraphqlContext) {
    const person = await personOf(context);
    const { store, now } = context.services;
    return payload(await logOut(store, person, now()), (ended) => ({ ...ended }));
  }

  @Mutation(() => EndSessionsPayload, { description: 'Ends one of the caller’s own sessions.' })
  async endSession(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => EndSessionInput, { description: 'The session.' }) input: EndSessionInput,
  ) {
    const person = await personOf(context);
    const { store, now } = context.services;
    const outcome = await endOwnSession(store, person, input.id, now());
    return payload(outcome, (ended) => ({ ...ended }));
  }

  @Mutation(() => EndSessionsPayload, {
    description: 'Ends the caller’s own sessions but the one that the caller acts in.',
  })
  async endOtherSessions(@Ctx() context: GraphqlContext) {
    const person = await personOf(context);
    const { store, now } = context.services;
    return payload(await endOtherSessions(store, person, now()), (ended) => ({ ...ended }));
  }

  @Mutation(() => EndSessionsPayload, {
    description: 'Ends one session of somebody, or all. For platform operators.',
  })
  async endUserSessions(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => EndUserSessionsInput, { description: 'Whose, and which.' })
    input: EndUserSessionsInput,
  ) {
    const { actor } = await personOf(context);
    const { store, now } = context.services;
    const outcome = await endSessionsOf(store, actor, input, now());
    return payload(outcome, (ended) => ({ ...ended }));
  }
}
