import { compactVerify, createLocalJWKSet, errors, type JSONWebKeySet } from 'jose';
import {
  AuthorizationResponseError,
  type AuthorizationServer,
  allowInsecureRequests,
  authorizationCodeGrantRequest,
  type Client,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  clockSkew,
  clockTolerance,
  customFetch,
  getValidatedIdTokenClaims,
  type IDToken,
  None,
  OperationProcessingError,
  processAuthorizationCodeResponse,
  ResponseBodyError,
  UnsupportedOperationError,
  validateAuthResponse,
  WWWAuthenticateChallengeError,
} from 'oauth4webapi';
import type { Issuer } from '../../store/entities/issuer.ts';
import { type GuardedFetch, GuardedFetchError } from '../issuers/guarded-fetch.ts';
import { isLoopbackHost } from '../issuers/issuer-url.ts';
import type { PendingLogin } from './pending-logins.ts';

/** Why an issuer's answer does not log anybody in, for the audit trail. */
export type ExchangeFailure =
  | 'issuer_not_ready'
  | 'response_refused'
  | 'issuer_unreachable'
  | 'code_refused'
  | 'id_token_refused'
  | 'key_unknown';

export type ExchangeOutcome =
  | { readonly ok: true; readonly claims: IDToken }
  | { readonly ok: false; readonly failure: ExchangeFailure };

/** What a person brings back from the issuer. */
export interface AuthorizationResponse {
  readonly state: string;
  readonly code: string;
  readonly iss: string | null;
}

export interface ExchangeDependencies {
  readonly guarded: GuardedFetch;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

const clockToleranceSeconds = 30;

function serverOf({ issuerUrl, algorithms, metadata }: Issuer): AuthorizationServer {
  return {
    ...metadata,
    issuer: issuerUrl,
    // What the issuer says of its own algorithms doesn't count.
    id_token_signing_alg_values_supported: [...algorithms],
  };
}

/** Basic authentication, which every server knows (RFC 6749, section 2.3.1), unless this one says otherwise. */
function authentication(server: AuthorizationServer, secret: string | undefined): ClientAuth {
  if (secret === undefined) return None();
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const post = !methods.includes('client_secret_basic') && methods.includes('client_secret_post');
  return post ? ClientSecretPost(secret) : ClientSecretBasic(secret);
}

/** The library's calls, through what checks where they go. */
function through(guarded: GuardedFetch) {
  return async (
    url: string,
    { headers, body }: { headers: Record<string, string>; body?: unknown },
  ): Promise<Response> => {
    const reply = await guarded.fetch(url, { method: 'POST', headers, body: String(body) });
    return new Response(reply.text, {
      status: reply.status,
      headers: [...reply.headers].filter(([name]) => name !== 'content-length'),
    });
  };
}

class AuthorizationResponseRefused extends Error {}

function failureOf(error: unknown): ExchangeFailure | undefined {
  if (error instanceof GuardedFetchError) return 'issuer_unreachable';
  if (error instanceof AuthorizationResponseError) return 'response_refused';
  if (error instanceof AuthorizationResponseRefused) return 'response_refused';
  if (error instanceof ResponseBodyError) return 'code_refused';
  if (error instanceof WWWAuthenticateChallengeError) return 'code_refused';
  if (error instanceof OperationProcessingError) return 'id_token_refused';
  return error instanceof UnsupportedOperationError ? 'id_token_refused' : undefined;
}

/** Checks the signature of an ID token with the keys that were fetched. */
async function verified(
  idToken: string,
  { jwks, algorithms }: Issuer,
): Promise<boolean | 'unknown'> {
  try {
    const keys = createLocalJWKSet((jwks ?? { keys: [] }) as unknown as JSONWebKeySet);
    await compactVerify(idToken, keys, { algorithms: [...algorithms] });
    return true;
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return 'unknown';
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}

/** What came back with the person, if it is this issuer's. @throws {AuthorizationResponseRefused} */
function acceptedResponse(
  server: AuthorizationServer,
  client: Client,
  parameters: URLSearchParams,
  state: string,
): URLSearchParams {
  try {
    return validateAuthResponse(server, client, parameters, state);
  } catch (error) {
    if (failureOf(error) === undefined) throw error;
    throw new AuthorizationResponseRefused('The response is not the issuer’s.', { cause: error });
  }
}

interface Redeemed {
  readonly idToken: string;
  readonly claims: IDToken;
}

/** The code for an ID token whose claims have been checked, and its signature not yet. */
async function redeem(
  deps: ExchangeDependencies,
  issuer: Issuer & { readonly clientId: string },
  secret: string | undefined,
  pending: PendingLogin,
  { state, code, iss }: AuthorizationResponse,
): Promise<Redeemed | undefined> {
  const server = serverOf(issuer);
  const client: Client = {
    client_id: issuer.clientId,
    [clockSkew]: Math.round((deps.now() - Date.now()) / 1000),
    [clockTolerance]: clockToleranceSeconds,
  };
  const parameters = new URLSearchParams({ state, code, ...(iss !== null && { iss }) });
  const accepted = acceptedResponse(server, client, parameters, state);
  const response = await authorizationCodeGrantRequest(
    server,
    client,
    authentication(server, secret),
    accepted,
    pending.redirectUrl,
    pending.verifier,
    {
      [customFetch]: through(deps.guarded),
      [allowInsecureRequests]: isLoopbackHost(new URL(server.token_endpoint ?? '').hostname),
    },
  );
  const tokens = await processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: pending.nonce,
    requireIdToken: true,
  });
  const claims = getValidatedIdTokenClaims(tokens);
  if (tokens.id_token === undefined || claims === undefined) return undefined;
  return { idToken: tokens.id_token, claims };
}

/**
 * Exchanges an authorization code for an ID token and checks it: state, `iss` (RFC 9207), PKCE, nonce,
 * audience, times, algorithm and signature. The access token that comes along is never used.
 *
 * @param refreshed reads the issuer again, with keys that were fetched now: its key may be a new one.
 */
export async function exchangeCode(
  deps: ExchangeDependencies,
  issuer: Issuer,
  secret: string | undefined,
  pending: PendingLogin,
  response: AuthorizationResponse,
  refreshed: () => Promise<Issuer | null>,
): Promise<ExchangeOutcome> {
  const { clientId, metadata } = issuer;
  if (clientId === null || metadata?.token_endpoint === undefined) {
    return { ok: false, failure: 'issuer_not_ready' };
  }
  let redeemed: Redeemed | undefined;
  try {
    redeemed = await redeem(deps, { ...issuer, clientId }, secret, pending, response);
  } catch (error) {
    const failure = failureOf(error);
    if (failure === undefined) throw error;
    return { ok: false, failure };
  }
  if (redeemed === undefined) return { ok: false, failure: 'id_token_refused' };
  let verdict = await verified(redeemed.idToken, issuer);
  if (verdict === 'unknown') {
    const newer = await refreshed();
    if (newer !== null) verdict = await verified(redeemed.idToken, newer);
  }
  if (verdict === true) return { ok: true, claims: redeemed.claims };
  return { ok: false, failure: verdict === 'unknown' ? 'key_unknown' : 'id_token_refused' };
}
