import { identifyApiKey } from '../identity/api-key-identifier.ts';
import type { Principal } from '../identity/principal.ts';
import type { Accepted } from './accept.ts';
import { unauthorizedHeaders } from './challenge.ts';
import { type LocalReply, localReply } from './local-reply.ts';

/** A request of a known caller. */
export interface Identified {
  readonly kind: 'identified';
  readonly accepted: Accepted;
  readonly principal: Principal;
}

/** Tells who calls. It comes before decode, so that an unknown caller's body is never buffered. */
export function identify(accepted: Accepted, nowMs: number): Identified | LocalReply {
  const principal = identifyApiKey(accepted.headers.authorization, accepted.snapshot, nowMs);
  if (typeof principal === 'string') {
    const headers = unauthorizedHeaders(accepted, principal !== 'credential_missing');
    return localReply(principal, { headers });
  }
  accepted.facts.principal = principal;
  return { kind: 'identified', accepted, principal };
}
