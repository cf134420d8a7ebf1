import { credentialPrefix } from '../../common/credential.ts';
import type { AccessTokens, TokenDefect } from '../identity/access-token.ts';
import type { Granter } from '../identity/granted-role.ts';
import type { InvitationDependencies } from '../identity/invitations.ts';
import type { IssuerDependencies } from '../identity/issuers/issuers.ts';
import {
  identifyKey,
  type KeyRefusal,
  loadService,
  noteKeyUse,
  type UnscopedKey,
} from '../identity/key-principal.ts';
import type { OidcLoginDependencies } from '../identity/oidc-login/oidc-login.ts';
import type { PasswordDependencies } from '../identity/passwords.ts';
import { loadPerson, type Person, type Principal } from '../identity/principal.ts';
import type { ProxyTokenDependencies } from '../identity/proxy-tokens.ts';
import { organizationPermissions } from '../identity/roles.ts';
import type { PageBounds } from '../input/page.ts';
import type { PolicyDependencies } from '../policy/policy-change.ts';
import type { SimulationDesk } from '../policy/simulation/simulation-desk.ts';
import type { AccessAudit } from '../registry/access-audit.ts';
import type { RegistryDependencies } from '../registry/servers.ts';
import type { Store } from '../store/store.ts';
import { setCaller } from './caller-store.ts';
import type { CredentialMetrics } from './credential-metrics.ts';
import { ApiError } from './errors.ts';
import type { SubscriptionHub } from './subscription/subscription-hub.ts';
import { type CredentialRefusal, credentialError } from './unauthenticated.ts';

/** What resolvers work with; the same for every request. */
export interface ApiServices {
  /** Works for the caller of the request alone; see `callerBoundStore`. */
  readonly store: Store;
  readonly login: PasswordDependencies & InvitationDependencies;
  readonly proxyTokens: ProxyTokenDependencies;
  readonly registry: RegistryDependencies;
  readonly issuers: IssuerDependencies;
  readonly oidcLogin: OidcLoginDependencies;
  readonly policies: PolicyDependencies;
  readonly simulations: SimulationDesk;
  readonly subscriptions: SubscriptionHub;
  readonly accessAudit: AccessAudit;
  readonly credentials: CredentialMetrics;
  readonly pageBounds: PageBounds;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** What a request's credential turned out to be. */
export type Authentication =
  | { readonly kind: 'none' }
  | { readonly kind: 'invalid'; readonly reason: TokenDefect }
  | { readonly kind: 'expired' }
  | {
      readonly kind: 'user';
      readonly userId: string;
      readonly sessionId: string;
      /** The only organization where the session is good; null: wherever the person is a member. */
      readonly organizationId: string | null;
      readonly expiresAtMs: number;
    }
  /** An API key that was shown in full. Whether it is for administration is asked when it matters. */
  | { readonly kind: 'apiKey'; readonly apiKeyId: string; readonly expiresAtMs: number }
  /** An API key that has ended, shown in full. */
  | { readonly kind: 'keyRefused'; readonly refusal: KeyRefusal };

/** One request, or one subscription. */
export interface GraphqlContext {
  readonly services: ApiServices;
  readonly authentication: Authentication;
  readonly clientAddress: string;
  /** What the client calls itself; empty: nothing. */
  readonly userAgent: string;
  readonly traceId: string;
  /**
   * The caller, read once for each request.
   * @throws {ApiError} UNAUTHENTICATED, TOKEN_EXPIRED or INSUFFICIENT_SCOPE
   */
  principal(): Promise<Principal>;
}

const bearer = /^bearer +([^\s]+)$/i;

/** Checks what `Authorization` says. Whether its holder still exists is asked when it matters. */
export async function authenticate(
  tokens: AccessTokens,
  { store, now }: Pick<ApiServices, 'store' | 'now'>,
  authorization: string | undefined,
): Promise<Authentication> {
  if (authorization === undefined) return { kind: 'none' };
  const token = bearer.exec(authorization)?.[1];
  if (token === undefined) return { kind: 'invalid', reason: 'malformed' };
  if (token.startsWith(credentialPrefix.apiKey)) {
    const known = await identifyKey(store, token, now());
    if (typeof known === 'string') return { kind: 'keyRefused', refusal: known };
    return { kind: 'apiKey', ...known };
  }
  const verdict = await tokens.verify(token);
  return verdict.kind === 'valid' ? { ...verdict, kind: 'user' } : verdict;
}

/** What is wrong with an access token by itself; undefined: nothing, or it is none. */
export function tokenRefusal(authentication: Authentication): CredentialRefusal | undefined {
  if (authentication.kind === 'expired') return 'token_expired';
  return authentication.kind === 'invalid' ? `token_${authentication.reason}` : undefined;
}

/** Until when a caller may go on, in milliseconds since the Unix epoch. */
export function authenticatedUntilMs(authentication: Authentication): number {
  return 'expiresAtMs' in authentication ? authentication.expiresAtMs : 0;
}

/** Whether a credential was good when it was shown. */
export function isAuthenticated({ kind }: Authentication): boolean {
  return kind === 'user' || kind === 'apiKey';
}

async function loadPrincipal(
  { store, now }: Pick<ApiServices, 'store' | 'now'>,
  authentication: Authentication,
): Promise<Principal | UnscopedKey> {
  if (authentication.kind === 'keyRefused') {
    throw credentialError(`key_${authentication.refusal}`);
  }
  if (authentication.kind === 'apiKey') {
    const service = await loadService(store, authentication.apiKeyId, now());
    if (typeof service === 'string') throw credentialError(`key_${service}`);
    return service;
  }
  if (authentication.kind === 'none') throw new ApiError('UNAUTHENTICATED');
  const refusal = tokenRefusal(authentication);
  if (refusal !== undefined) throw credentialError(refusal);
  if (authentication.kind !== 'user') throw new ApiError('UNAUTHENTICATED');
  const person = await loadPerson(store, authentication, now());
  if (typeof person === 'string') throw credentialError(person);
  return person;
}

/**
 * Who an authenticated caller is now.
 * @param clientAddress what the audit trail is to say of where the caller acts from.
 * @throws {ApiError} UNAUTHENTICATED, TOKEN_EXPIRED or INSUFFICIENT_SCOPE
 */
export async function currentPrincipal(
  services: Pick<ApiServices, 'store' | 'now' | 'accessAudit'>,
  authentication: Authentication,
  clientAddress: string,
): Promise<Principal> {
  const caller = await loadPrincipal(services, authentication);
  const actor = { ...caller.actor, clientAddress };
  if (caller.kind !== 'unscoped') return { ...caller, actor };
  const { organizationId } = caller;
  await services.accessAudit.refused({
    ...{ actor, organizationId },
    operation: 'graphql',
    permission: 'admin',
    isMember: true,
  });
  throw new ApiError('INSUFFICIENT_SCOPE');
}

/** The caller of a new request; that a key was used is written down. */
async function callerOf(
  services: ApiServices,
  authentication: Authentication,
  clientAddress: string,
): Promise<Principal> {
  const principal = await currentPrincipal(services, authentication, clientAddress).catch(
    (error: unknown) => {
      services.credentials.countError(error);
      throw error;
    },
  );
  if (principal.kind === 'service' && authentication.kind === 'apiKey') {
    await noteKeyUse(services.store, authentication.apiKeyId, services.now());
    await services.accessAudit.keyUsed(principal.actor, principal.organizationId);
  }
  return principal;
}

export function createContext(
  services: ApiServices,
  request: Omit<GraphqlContext, 'services' | 'principal'>,
): GraphqlContext {
  let principal: Promise<Principal> | undefined;
  const context: GraphqlContext = {
    ...request,
    services,
    principal: () => {
      principal ??= callerOf(services, request.authentication, request.clientAddress);
      return principal;
    },
  };
  setCaller(context);
  return context;
}

/**
 * The caller as a person, for what only people have: a password, sessions, an account.
 * @throws {ApiError} FORBIDDEN for a service account
 */
export async function personOf(context: GraphqlContext): Promise<Person> {
  const principal = await context.principal();
  if (principal.kind !== 'user') throw new ApiError('FORBIDDEN', 'This is for people alone.');
  return principal;
}

/** The caller as one who hands out roles in an organization; an operator who is no member counts as owner. */
export async function granterIn(context: GraphqlContext, organizationId: string): Promise<Granter> {
  const principal = await context.principal();
  const { actor, isOperator } = principal;
  const id = organizationId.toLowerCase();
  const own = principal.permissionsIn(id);
  if (own === undefined) {
    const permissions = new Set(isOperator ? organizationPermissions : []);
    return { actor, permissions, isOwner: isOperator };
  }
  const role = principal.kind === 'service' ? principal.role : principal.grants.get(id);
  return { actor, permissions: own, isOwner: role?.role === 'owner' };
}
