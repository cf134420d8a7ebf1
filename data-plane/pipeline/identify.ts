import { credentialPrefix } from '../../common/credential.ts';
import type { ReasonCode } from '../../common/reasons.ts';
import { identifyApiKey } from '../identity/api-key-identifier.ts';
import { bearerToken } from '../identity/bearer-token.ts';
import type { Principal } from '../identity/principal.ts';
import { isRevoked } from '../identity/revocation-check.ts';
import type { TokenIdentifier } from '../identity/token-identifier.ts';
import type { Accepted } from './accept.ts';
import { unauthorizedHeaders } from './challenge.ts';
import { type LocalReply, localReply } from './local-reply.ts';

/** A request of a known caller. */
export interface Identified {
  readonly kind: 'identified';
  readonly accepted: Accepted;
  readonly principal: Principal;
}

type Outcome = Principal | ReasonCode;

function refuse(accepted: Accepted, reason: ReasonCode): LocalReply {
  if (reason === 'verifications_exhausted') {
    return localReply(reason, { headers: { 'Retry-After': '1' } });
  }
  const headers = unauthorizedHeaders(accepted, reason !== 'credential_missing');
  return localReply(reason, { headers });
}

/** What holds of every credential once it has proved whose it is. */
function concluded(accepted: Accepted, outcome: Outcome, nowMs: number): Identified | LocalReply {
  if (typeof outcome === 'string') return refuse(accepted, outcome);
  accepted.facts.principal = outcome;
  if (isRevoked(accepted.snapshot, outcome, nowMs)) return refuse(accepted, 'credential_revoked');
  if (outcome.token !== undefined && outcome.roles.length === 0) return localReply('role_missing');
  return { kind: 'identified', accepted, principal: outcome };
}

function identifyToken(
  accepted: Accepted,
  text: string,
  tokens: TokenIdentifier,
  nowMs: number,
): Outcome | Promise<Outcome> {
  const { snapshot, publicBase, organization, organizationSlug, serverSlug } = accepted;
  const audience = publicBase?.resourceUrl(organizationSlug, serverSlug);
  return tokens.identify(text, { snapshot, organizationId: organization?.id, audience }, nowMs);
}

/**
 * Tells who calls, by an API key or an access token. It comes before decode, so that an unknown caller's body
 * is never buffered. Only a token that is new here has to be waited for.
 */
export function identify(
  accepted: Accepted,
  tokens: TokenIdentifier,
  nowMs: number,
): Identified | LocalReply | Promise<Identified | LocalReply> {
  const { authorization } = accepted.headers;
  if (authorization === undefined) return concluded(accepted, 'credential_missing', nowMs);
  const text = bearerToken(authorization);
  if (text === undefined) return concluded(accepted, 'credential_invalid', nowMs);
  if (text.startsWith(credentialPrefix.apiKey)) {
    return concluded(accepted, identifyApiKey(text, accepted.snapshot, nowMs), nowMs);
  }
  const outcome = identifyToken(accepted, text, tokens, nowMs);
  if (!(outcome instanceof Promise)) return concluded(accepted, outcome, nowMs);
  return outcome.then((later) => concluded(accepted, later, nowMs));
}
