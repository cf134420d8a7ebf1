import { metadataPath } from './public-base.ts';

/** The segments of an MCP endpoint's path. */
export interface EndpointPath {
  readonly organizationSlug: string;
  readonly serverSlug: string;
}

/** Exact: no empty segment, no dot segment, no percent-encoding that two readers could resolve apart. */
const shape = /^\/([a-z0-9][a-z0-9_-]{0,62})\/([a-z0-9][a-z0-9_-]{0,62})\/mcp(?:\?|$)/;

/** Reads `/{organization}/{server}/mcp`; undefined: the path is no endpoint. */
export function readEndpointPath(target: string): EndpointPath | undefined {
  const path = shape.exec(target);
  if (path === null) return undefined;
  const [, organizationSlug = '', serverSlug = ''] = path;
  return { organizationSlug, serverSlug };
}

export function isMetadataPath(target: string): boolean {
  return target.startsWith(metadataPath);
}

/**
 * The endpoint that a metadata path is about. The public URL's prefix stands between the well-known part and
 * the endpoint; a reverse proxy may take it away on the way here, or leave it.
 */
export function readMetadataPath(target: string, prefix: string): EndpointPath | undefined {
  const path = target.slice(metadataPath.length);
  const endpoint = readEndpointPath(path);
  if (endpoint !== undefined || prefix === '' || !path.startsWith(prefix)) return endpoint;
  return readEndpointPath(path.slice(prefix.length));
}
