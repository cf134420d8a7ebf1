import type { Principal } from '../identity/principal.ts';
import { isRevoked } from '../identity/revocation-check.ts';
import { tokenStands } from '../identity/token-standing.ts';
import type {
  ApiKeyEntry,
  OrganizationEntry,
  ServerEntry,
  Snapshot,
} from '../snapshot/snapshot.ts';
import { type LocalReply, localReply } from './local-reply.ts';

/** By what an open call is measured again. */
export interface Present {
  readonly snapshot: Snapshot;
  /** Wall time. */
  readonly nowMs: number;
  /** Age of the node's view; undefined: unknown. */
  readonly viewAgeMs: number | undefined;
}

/** What a call is about, whoever makes it. */
export interface CallTarget {
  readonly organization: OrganizationEntry;
  readonly server: ServerEntry;
}

/** Seconds after which a call that an old view refuses may be tried again. */
const staleRetryAfter = { 'Retry-After': '5' };

/** Whether a server may be called at all: nothing is allowed by what is off, old or could not be read. */
export function targetRefusal(target: CallTarget, present: Present): LocalReply | undefined {
  const { organization, server } = target;
  const { snapshot, viewAgeMs } = present;
  if (!organization.enabled || !server.enabled) return localReply('server_disabled');
  const { staleAfterMs } = organization;
  // An age that isn't known counts as too old.
  if (staleAfterMs !== undefined && !(viewAgeMs !== undefined && viewAgeMs <= staleAfterMs)) {
    return localReply('configuration_stale', { headers: staleRetryAfter });
  }
  const refused = snapshot.failClosed(organization.id, server.id);
  if (refused === undefined) return undefined;
  return localReply('configuration_refused', { detail: `${refused.type} ${refused.name}` });
}

/** The target as it is now, by the path that was called; undefined: it is gone from there. */
export function currentTarget(target: CallTarget, snapshot: Snapshot): CallTarget | undefined {
  const organization = snapshot.organization(target.organization.slug);
  if (organization?.id !== target.organization.id) return undefined;
  const server = snapshot.server(organization.id, target.server.slug);
  return server?.id === target.server.id ? { organization, server } : undefined;
}

function sameHolder(key: ApiKeyEntry, before: ApiKeyEntry): boolean {
  if (key === before) return true;
  return (
    key.organizationId === before.organizationId &&
    key.subject === before.subject &&
    Buffer.compare(key.secretHash, before.secretHash) === 0
  );
}

/** Why a credential that was good no longer is. `key` is what it was good by; undefined for a token. */
export function credentialRefusal(
  principal: Principal,
  key: ApiKeyEntry | undefined,
  { snapshot, nowMs }: Present,
): 'credential_revoked' | 'credential_expired' | undefined {
  if (principal.token !== undefined) {
    if (principal.token.expiresAtMs <= nowMs) return 'credential_expired';
    const stands = tokenStands(snapshot, principal) && !isRevoked(snapshot, principal, nowMs);
    return stands ? undefined : 'credential_revoked';
  }
  const current = snapshot.apiKey(principal.credentialId);
  if (current === undefined || key === undefined || !sameHolder(current, key)) {
    return 'credential_revoked';
  }
  const { expiresAtMs } = current;
  return expiresAtMs !== undefined && expiresAtMs <= nowMs ? 'credential_expired' : undefined;
}

/** The scopes that count now: a key's may have changed, a token's never do. */
export function currentScopes(principal: Principal, snapshot: Snapshot): readonly string[] {
  if (principal.token !== undefined) return principal.scopes;
  return snapshot.apiKey(principal.credentialId)?.scopes ?? [];
}
