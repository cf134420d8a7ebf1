import { mayUse } from '../authorize/guard-schema.ts';
import { authenticatedUntilMs, currentPrincipal, type GraphqlContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import type { Subscriber } from './subscription-hub.ts';

/** What `subscribe` of a subscription is called with. */
export interface Subscribing<Arguments> {
  readonly args: Arguments;
  readonly context: GraphqlContext;
}

/** The one who subscribes, judged again by the same row of the table of permissions while events flow. */
export async function subscriberOf(
  context: GraphqlContext,
  field: string,
  organizationId?: string,
): Promise<Subscriber> {
  const { authentication, clientAddress, services } = context;
  const { actor } = await context.principal();
  const credential =
    authentication.kind === 'apiKey' ? authentication.apiKeyId : actor.credential?.id;
  let expiresAtMs = authenticatedUntilMs(authentication);
  return {
    expiresAtMs: () => expiresAtMs,
    ids: new Set(credential === undefined ? [actor.id] : [actor.id, credential]),
    organizationId: organizationId?.toLowerCase(),
    authorize: async () => {
      const principal = await currentPrincipal(services, authentication, clientAddress);
      if (principal.kind === 'service') expiresAtMs = principal.expiresAtMs;
      if (!mayUse(principal, `Subscription.${field}`, organizationId)) {
        throw new ApiError('FORBIDDEN', 'The caller may no longer follow this.');
      }
    },
  };
}
