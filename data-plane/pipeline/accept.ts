import type { OrganizationEntry, Snapshot } from '../snapshot/snapshot.ts';
import type { CallFacts } from './call-facts.ts';
import type { ClientExchange, ReplyHeaders, RequestHead } from './client-exchange.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import { isMetadataPath, readEndpointPath, readMetadataPath } from './endpoint-path.ts';
import { type LocalReply, localReply } from './local-reply.ts';
import type { OriginPolicy } from './origin-policy.ts';
import type { PublicBase } from './public-base.ts';
import type { RequestHeaders } from './request-headers.ts';
import { type ResourceMetadata, resourceMetadata } from './resource-metadata.ts';

export type HttpMethod = 'GET' | 'POST' | 'DELETE';

/** A request for an MCP endpoint, from an allowed host and origin, with the snapshot it is decided by. */
export interface Accepted {
  readonly kind: 'accepted';
  readonly exchange: ClientExchange;
  readonly facts: CallFacts;
  readonly snapshot: Snapshot;
  readonly method: HttpMethod;
  readonly headers: RequestHeaders;
  /** Undefined: tokens can't be meant for this node. */
  readonly publicBase: PublicBase | undefined;
  readonly organization: OrganizationEntry | undefined;
  readonly organizationSlug: string;
  readonly serverSlug: string;
}

/** A browser's question whether it may ask. */
export interface Preflight {
  readonly kind: 'preflight';
  readonly headers: ReplyHeaders;
}

const servedMethods: ReadonlySet<string> = new Set(['GET', 'POST', 'DELETE']);

/** Checks host, path, origin and method; answers what carries no credential: metadata and preflights. */
export function accept(
  exchange: ClientExchange,
  headers: RequestHeaders,
  facts: CallFacts,
  policy: OriginPolicy,
  publicBase: PublicBase | undefined,
): Accepted | Preflight | ResourceMetadata | LocalReply {
  const { head } = exchange;
  if (!policy.allowsHost(headers.host)) return localReply('host_not_allowed');
  if (headers.repeated) return localReply('request_malformed', { detail: 'a header is repeated' });
  if (isMetadataPath(head.target)) return acceptMetadata(head, facts, publicBase);
  const endpoint = readEndpointPath(head.target);
  const organization = facts.snapshot?.organization(endpoint?.organizationSlug ?? '');
  facts.organization = organization;
  if (!policy.allowsOrigin(headers.origin, headers.host, organization)) {
    return localReply('origin_not_allowed');
  }
  facts.replyHeaders = corsHeaders(headers.origin);
  if (endpoint === undefined) return localReply('path_not_found');
  if (head.method === 'OPTIONS' && headers.origin !== undefined) {
    return { kind: 'preflight', headers: preflightHeaders(headers) };
  }
  const { method } = head;
  if (!isServed(method)) {
    return localReply('method_not_allowed', { headers: { Allow: 'GET, POST, DELETE, OPTIONS' } });
  }
  const { snapshot } = facts;
  if (snapshot === undefined) {
    return localReply('configuration_missing', { headers: { 'Retry-After': '2' } });
  }
  const { organizationSlug, serverSlug } = endpoint;
  return {
    kind: 'accepted',
    exchange,
    facts,
    snapshot,
    method,
    headers,
    publicBase,
    organization,
    organizationSlug,
    serverSlug,
  };
}

/** Open to every origin, so that a page can find out where its user gets a token. */
function acceptMetadata(
  { method, target }: RequestHead,
  facts: CallFacts,
  base: PublicBase | undefined,
): ResourceMetadata | LocalReply {
  const endpoint = readMetadataPath(target, base?.prefix ?? '');
  const { snapshot } = facts;
  const organization = snapshot?.organization(endpoint?.organizationSlug ?? '');
  facts.organization = organization;
  return resourceMetadata({ method, base, snapshot, organization, endpoint });
}

function isServed(method: string): method is HttpMethod {
  return servedMethods.has(method);
}
