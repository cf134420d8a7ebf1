import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import {
  changePassword,
  type Limited,
  type PasswordReset,
  requestMemberPasswordReset,
  requestPasswordReset,
  resetPassword,
} from '../../identity/passwords.ts';
import type { Outcome } from '../../input/violation.ts';
import { type GraphqlContext, granterIn, personOf } from '../context.ts';
import { ApiError } from '../errors.ts';
import {
  ChangePasswordInput,
  PasswordPayload,
  PasswordResetPayload,
  RequestMemberPasswordResetInput,
  RequestPasswordResetInput,
  ResetPasswordInput,
} from '../types/account.ts';
import { payload } from '../types/user-error.ts';
import { orBusy, passwordCost, tooManyAttempts } from './or-busy.ts';
import { noteLimited } from './session-resolver.ts';

/** A service's outcome, unless the caller has to wait. @throws {ApiError} TOO_MANY_ATTEMPTS */
export async function unlessLimited<T>(
  context: GraphqlContext,
  operation: string,
  outcome: Outcome<T> | Limited,
): Promise<Outcome<T>> {
  if (!('kind' in outcome)) return outcome;
  await noteLimited(context, operation);
  throw tooManyAttempts(outcome.retryAfterMs);
}

function resetPayload(outcome: Outcome<PasswordReset>) {
  return payload(outcome, ({ token, expiresAt }) => ({ token, expiresAt }));
}

@Resolver()
export class PasswordResolver {
  @Mutation(() => PasswordPayload, {
    complexity: passwordCost,
    description: 'Gives the caller another password and ends the caller’s other sessions.',
  })
  async changePassword(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => ChangePasswordInput, { description: 'The old and the new one.' })
    input: ChangePasswordInput,
  ) {
    const person = await personOf(context);
    // An organization's admins decide whom its issuer vouches for; the password opens everything.
    if (person.organizationId !== null) throw new ApiError('FORBIDDEN');
    const changed = await orBusy(changePassword(context.services.login, person, input));
    const outcome = await unlessLimited(context, 'Mutation.changePassword', changed);
    return payload(outcome, ({ sessionsEnded }) => ({ sessionsEnded }));
  }

  @Mutation(() => PasswordResetPayload, {
    description:
      'Makes a one-time token by which somebody sets a new password; earlier ones end. There is no mail server: hand the token over. For platform operators.',
  })
  async requestPasswordReset(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => RequestPasswordResetInput, { description: 'Whose.' })
    input: RequestPasswordResetInput,
  ) {
    const { actor } = await personOf(context);
    return resetPayload(await requestPasswordReset(context.services.login, actor, input.userId));
  }

  @Mutation(() => PasswordResetPayload, {
    description:
      'The same for who manages an organization’s members: for a member of this organization alone, who is no platform operator and may do no more than the caller.',
  })
  async requestMemberPasswordReset(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => RequestMemberPasswordResetInput, { description: 'Whose.' })
    input: RequestMemberPasswordResetInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const { login } = context.services;
    return resetPayload(await requestMemberPasswordReset(login, granter, input));
  }

  @Mutation(() => PasswordPayload, {
    complexity: passwordCost,
    description:
      'Sets a new password by a one-time token, once, and ends all sessions of the person.',
  })
  async resetPassword(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => ResetPasswordInput, { description: 'Token and password.' })
    input: ResetPasswordInput,
  ) {
    const { clientAddress, services } = context;
    const reset = await orBusy(resetPassword(services.login, { ...input, clientAddress }));
    const outcome = await unlessLimited(context, 'Mutation.resetPassword', reset);
    return payload(outcome, ({ sessionsEnded }) => ({ sessionsEnded }));
  }
}
