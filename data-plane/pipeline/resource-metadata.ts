import type { OrganizationEntry, Snapshot } from '../snapshot/snapshot.ts';
import { offeredScopes, trustedIssuers } from './challenge.ts';
import type { ReplyHeaders } from './client-exchange.ts';
import type { EndpointPath } from './endpoint-path.ts';
import { type LocalReply, localReply } from './local-reply.ts';
import type { PublicBase } from './public-base.ts';

/** A document for whoever wants to get a token. No call: it needs no credential and leaves no record. */
export interface ResourceMetadata {
  readonly kind: 'resource-metadata';
  readonly status: 200 | 204;
  readonly headers: ReplyHeaders;
  readonly body: Buffer | undefined;
}

/** How long a client may keep a document, in seconds: issuers change rarely, but then soon. */
const cacheSeconds = 60;

/** Public for every page: it holds nothing that the 401 of the same path doesn't say. */
const openHeaders: ReplyHeaders = { 'Access-Control-Allow-Origin': '*' };

const preflight: ResourceMetadata = {
  kind: 'resource-metadata',
  status: 204,
  headers: {
    ...openHeaders,
    'Access-Control-Allow-Methods': 'GET, HEAD',
    // Clients of MCP send their protocol version, also here.
    'Access-Control-Allow-Headers': '*',
    'Access-Control-Max-Age': '600',
  },
  body: undefined,
};

/** What is asked for, as the path says it. */
export interface MetadataRequest {
  readonly method: string;
  readonly base: PublicBase | undefined;
  readonly snapshot: Snapshot | undefined;
  readonly organization: OrganizationEntry | undefined;
  /** Undefined: the path is none of an MCP endpoint. */
  readonly endpoint: EndpointPath | undefined;
}

/**
 * Metadata of an MCP endpoint as a protected resource (RFC 9728). It is the same for every server name, so
 * that nobody learns from it which servers there are, and an organization that doesn't exist answers like
 * one without an issuer.
 */
export function resourceMetadata(request: MetadataRequest): ResourceMetadata | LocalReply {
  const { method, base, snapshot, organization, endpoint } = request;
  if (method === 'OPTIONS') return preflight;
  if (method !== 'GET' && method !== 'HEAD') {
    const headers = { ...openHeaders, Allow: 'GET, HEAD, OPTIONS' };
    return localReply('method_not_allowed', { headers });
  }
  if (snapshot === undefined) {
    return localReply('configuration_missing', { headers: { ...openHeaders, 'Retry-After': '2' } });
  }
  const issuers = trustedIssuers({ organization, snapshot });
  if (base === undefined || endpoint === undefined || issuers.length === 0) {
    return localReply('path_not_found', { headers: openHeaders });
  }
  const { organizationSlug, serverSlug } = endpoint;
  const scopes = offeredScopes(issuers, serverSlug);
  const document = {
    resource: base.resourceUrl(organizationSlug, serverSlug),
    authorization_servers: issuers.map(({ issuer }) => issuer),
    bearer_methods_supported: ['header'],
    ...(scopes.length === 0 ? {} : { scopes_supported: scopes }),
    resource_name: `${organizationSlug}/${serverSlug}`,
  };
  const headers = {
    ...openHeaders,
    'Content-Type': 'application/json',
    'Cache-Control': `public, max-age=${cacheSeconds}`,
  };
  return {
    kind: 'resource-metadata',
    status: 200,
    headers,
    body: Buffer.from(JSON.stringify(document), 'utf8'),
  };
}
