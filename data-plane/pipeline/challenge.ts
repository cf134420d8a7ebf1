import { serverScope } from '../../common/scope.ts';
import type { IssuerEntry } from '../snapshot/issuer.ts';
import type { OrganizationEntry, Snapshot } from '../snapshot/snapshot.ts';
import type { ReplyHeaders } from './client-exchange.ts';
import type { PublicBase } from './public-base.ts';

/** What of a request says where its caller may get a token. */
export interface ChallengedRequest {
  readonly publicBase: PublicBase | undefined;
  readonly organizationSlug: string;
  readonly serverSlug: string;
  readonly organization: OrganizationEntry | undefined;
  readonly snapshot: Snapshot;
}

const noIssuers: readonly IssuerEntry[] = [];

/** Where the organization's callers get tokens; none for an organization that doesn't exist. */
export function trustedIssuers(
  request: Pick<ChallengedRequest, 'organization' | 'snapshot'>,
): readonly IssuerEntry[] {
  const { organization, snapshot } = request;
  return organization === undefined ? noIssuers : snapshot.issuers(organization.id);
}

/**
 * Scopes that a client asks for before it knows what it needs: the whole server. None where no issuer's
 * scopes are read: an authorization server that knows no such scope would refuse to be asked for it.
 */
export function offeredScopes(
  issuers: readonly IssuerEntry[],
  serverSlug: string,
): readonly string[] {
  const areRead = issuers.some(({ scopeMode }) => scopeMode === 'required');
  return areRead ? [serverScope(serverSlug)] : [];
}

/** Metadata is named only where there is some: a client must not look for an authorization server in vain. */
function metadataParameter(request: ChallengedRequest, issuers: readonly IssuerEntry[]): string[] {
  const { publicBase, organizationSlug, serverSlug } = request;
  if (publicBase === undefined || issuers.length === 0) return [];
  return [`resource_metadata="${publicBase.metadataUrl(organizationSlug, serverSlug)}"`];
}

function challenge(parameters: readonly string[]): ReplyHeaders {
  const text = parameters.length === 0 ? 'Bearer' : `Bearer ${parameters.join(', ')}`;
  return { 'WWW-Authenticate': text };
}

function scopeParameter(scopes: readonly string[]): string[] {
  return scopes.length === 0 ? [] : [`scope="${scopes.join(' ')}"`];
}

/** Headers of a 401. An error is named only for a credential that was sent (RFC 6750, section 3.1). */
export function unauthorizedHeaders(
  request: ChallengedRequest,
  credentialSent: boolean,
): ReplyHeaders {
  const issuers = trustedIssuers(request);
  const metadata = metadataParameter(request, issuers);
  const scopes = metadata.length === 0 ? [] : offeredScopes(issuers, request.serverSlug);
  const error = credentialSent ? ['error="invalid_token"'] : [];
  return challenge([...error, ...metadata, ...scopeParameter(scopes)]);
}

/**
 * Headers of a 403 for missing scopes, and for nothing else: a client asks for more scopes when it sees
 * them. `scopes` are all that the call needs, also those that the credential has.
 */
export function insufficientScopeHeaders(
  request: ChallengedRequest,
  scopes: readonly string[],
): ReplyHeaders {
  const metadata = metadataParameter(request, trustedIssuers(request));
  return challenge(['error="insufficient_scope"', ...metadata, ...scopeParameter(scopes)]);
}
