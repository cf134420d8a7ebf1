import type { TokenDefect } from '../identity/access-token.ts';
import type { KeyRefusal } from '../identity/key-principal.ts';
import type { PersonRefusal } from '../identity/principal.ts';
import type { RefreshRefusal } from '../identity/refresh-tokens.ts';
import { ApiError } from './errors.ts';

/** What is wrong with a credential. */
export type CredentialRefusal =
  | `token_${TokenDefect}`
  | `refresh_${RefreshRefusal}`
  | `key_${KeyRefusal}`
  | PersonRefusal
  | 'token_expired';

/**
 * What is said of each. Only who holds a token that the gateway signed, or a credential that it gave, learns
 * more than that it is not good.
 */
const sentences: Readonly<Record<CredentialRefusal, string>> = {
  token_malformed: 'The access token can’t be read.',
  token_algorithm_not_allowed: 'The access token is signed by an algorithm that is not allowed.',
  token_key_unknown: 'The access token names no key of this installation.',
  token_signature_wrong: 'The access token’s signature is wrong.',
  token_type_wrong: 'This is no access token.',
  token_issuer_wrong: 'The access token was issued by somebody else.',
  token_audience_wrong: 'The access token is for another audience, not for this API.',
  token_not_yet_valid: 'The access token is not valid yet.',
  token_claims_wrong: 'The access token lacks what is needed here.',
  token_expired: 'The access token has expired: refresh the session, or log in again.',
  key_malformed: 'The API key is mistyped or cut.',
  key_unknown: 'There is no such API key.',
  key_expired: 'The API key has expired.',
  key_revoked: 'The API key was revoked.',
  key_account_disabled: 'The service account is disabled.',
  session_ended: 'The session was ended: log in again.',
  session_expired: 'The session has expired: log in again.',
  account_disabled: 'The account is disabled.',
  account_gone: 'The account was deleted.',
  refresh_token_unknown: 'The refresh token is not one that was given out.',
  refresh_token_reused:
    'The refresh token was used before: the session and everything issued in it has ended. Log in again.',
  refresh_token_expired: 'The refresh token has expired: log in again.',
  refresh_session_ended: 'The session was ended: log in again.',
  refresh_session_expired: 'The session has expired: log in again.',
  refresh_account_disabled: 'The account is disabled.',
};

/** Every refusal, for the metric that counts them. */
export const credentialRefusals = Object.keys(sentences) as readonly CredentialRefusal[];

/** The refusal that an error stands for, if it is one of these. */
export function refusalIn(error: unknown): CredentialRefusal | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const { reason } = error.extensions;
  return credentialRefusals.find((refusal) => refusal.toUpperCase() === reason);
}

/** The error for a credential that is not good; `extensions.reason` is stable. */
export function credentialError(refusal: CredentialRefusal): ApiError {
  const isExpired = refusal === 'token_expired' || refusal === 'key_expired';
  const code = isExpired ? 'TOKEN_EXPIRED' : 'UNAUTHENTICATED';
  return new ApiError(code, sentences[refusal], { reason: refusal.toUpperCase() });
}
