import type { EndpointEntry, ServerEntry } from '../../data-plane/snapshot/snapshot.ts';
import type { UpstreamRequest } from '../../data-plane/upstream/upstream-transport.ts';

export function endpointEntry(url: URL, id = 'endpoint-1', weight = 1): EndpointEntry {
  return { id, url, weight };
}

/** A server of one endpoint, Streamable HTTP and without a credential unless told. */
export function serverEntry(
  endpoints: readonly EndpointEntry[],
  fields: Partial<ServerEntry> = {},
): ServerEntry {
  return {
    id: 'server-1',
    organizationId: 'organization-1',
    slug: 'server',
    enabled: true,
    transport: 'streamable-http',
    era: undefined,
    endpoints,
    credential: undefined,
    connectTimeoutMs: undefined,
    requestTimeoutMs: undefined,
    labels: new Map(),
    ...fields,
  };
}

/** A POST of this message to a server of one endpoint. */
export function postTo(
  url: URL,
  message: unknown = { jsonrpc: '2.0', id: 1, method: 'ping' },
  fields: Partial<UpstreamRequest> = {},
): UpstreamRequest {
  const endpoint = endpointEntry(url);
  return {
    server: serverEntry([endpoint]),
    endpoint,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: Buffer.from(JSON.stringify(message)),
    headTimeoutMs: 5_000,
    idleTimeoutMs: 5_000,
    ...fields,
  };
}
