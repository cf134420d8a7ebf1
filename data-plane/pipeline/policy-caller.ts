import type { PolicyCaller } from '../../common/policy/decide-message.ts';
import type { PolicyPrincipal } from '../../common/policy/policy-call.ts';
import { readPolicyHeaders } from '../policy/policy-headers.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Routed } from './route.ts';
import { type CallTarget, currentScopes } from './standing.ts';

function policyPrincipal({ decoded }: Routed, snapshot: Snapshot): PolicyPrincipal {
  const { principal } = decoded.identified;
  const { subject, credentialId, token } = principal;
  const isKey = token === undefined;
  return {
    subject,
    roles: (isKey ? snapshot.apiKey(credentialId)?.roles : undefined) ?? principal.roles,
    scopes: currentScopes(principal, snapshot),
    credentialId,
    credentialKind: isKey ? 'api_key' : 'access_token',
  };
}

/**
 * Who calls, as policies see it, by a snapshot that may be newer than the call's own: roles and scopes of a key
 * may have changed since.
 */
export function policyCaller(
  routed: Routed,
  { organization, server }: CallTarget,
  snapshot: Snapshot,
  nowMs: number,
): PolicyCaller {
  const { decoded } = routed;
  const { exchange, facts } = decoded.identified.accepted;
  // Those of the call's own snapshot were read for the record already.
  const headers =
    organization === routed.organization
      ? facts.policyHeaders
      : readPolicyHeaders(exchange.head.rawHeaders, organization.policyHeaders);
  return {
    principal: policyPrincipal(routed, snapshot),
    server,
    request: {
      method: '',
      era: decoded.era,
      client: facts.client,
      address: facts.clientAddress,
      headers,
    },
    nowMs,
  };
}
