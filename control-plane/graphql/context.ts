import type { AccessTokens } from '../identity/access-token.ts';
import type { LoginDependencies } from '../identity/login.ts';
import type { Granter } from '../identity/members.ts';
import { loadPrincipal, type Principal } from '../identity/principal.ts';
import type { PageBounds } from '../input/page.ts';
import type { AccessAudit } from '../registry/access-audit.ts';
import type { RegistryDependencies } from '../registry/servers.ts';
import type { Store } from '../store/store.ts';
import { ApiError } from './errors.ts';
import type { SubscriptionHub } from './subscription/subscription-hub.ts';

/** What resolvers work with; the same for every request. */
export interface ApiServices {
  readonly store: Store;
  readonly login: LoginDependencies;
  readonly registry: RegistryDependencies;
  readonly subscriptions: SubscriptionHub;
  readonly accessAudit: AccessAudit;
  readonly pageBounds: PageBounds;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** What a request's credential turned out to be. */
export type Authentication =
  | { readonly kind: 'none' }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'user'; readonly userId: string; readonly expiresAtMs: number };

/** One request, or one subscription. */
export interface GraphqlContext {
  readonly services: ApiServices;
  readonly authentication: Authentication;
  readonly clientAddress: string;
  readonly traceId: string;
  /**
   * The caller, read once for each request.
   * @throws {ApiError} UNAUTHENTICATED or TOKEN_EXPIRED
   */
  principal(): Promise<Principal>;
}

const bearer = /^bearer +([^\s]+)$/i;

/** Checks what `Authorization` says. Whether the person still exists is asked when it matters. */
export async function authenticate(
  tokens: AccessTokens,
  authorization: string | undefined,
): Promise<Authentication> {
  if (authorization === undefined) return { kind: 'none' };
  const token = bearer.exec(authorization)?.[1];
  if (token === undefined) return { kind: 'invalid' };
  const verdict = await tokens.verify(token);
  if (verdict.kind !== 'valid') return verdict;
  return { kind: 'user', userId: verdict.userId, expiresAtMs: verdict.expiresAtMs };
}

/**
 * Who an authenticated person is now.
 * @param clientAddress what the audit trail is to say of where the person acts from.
 * @throws {ApiError} UNAUTHENTICATED or TOKEN_EXPIRED
 */
export async function currentPrincipal(
  store: Store,
  authentication: Authentication,
  clientAddress: string,
): Promise<Principal> {
  if (authentication.kind === 'expired') throw new ApiError('TOKEN_EXPIRED');
  if (authentication.kind !== 'user') throw new ApiError('UNAUTHENTICATED');
  const principal = await loadPrincipal(store, authentication.userId);
  if (principal === undefined) throw new ApiError('UNAUTHENTICATED');
  return { ...principal, actor: { ...principal.actor, clientAddress } };
}

export function createContext(
  services: ApiServices,
  request: Omit<GraphqlContext, 'services' | 'principal'>,
): GraphqlContext {
  let principal: Promise<Principal> | undefined;
  return {
    ...request,
    services,
    principal: () => {
      const { authentication, clientAddress } = request;
      principal ??= currentPrincipal(services.store, authentication, clientAddress);
      return principal;
    },
  };
}

/** The caller as one who hands out roles in an organization; an operator who is no member counts as owner. */
export async function granterIn(context: GraphqlContext, organizationId: string): Promise<Granter> {
  const principal = await context.principal();
  const role = principal.roles.get(organizationId) ?? (principal.isOperator ? 'owner' : 'agent');
  return { actor: principal.actor, role };
}
