import { openSession, type SessionState } from '../identity/sealed-session.ts';
import { clientInfoOf } from '../mcp/client-info.ts';
import { batchVersion } from '../mcp/protocol-version.ts';
import type { EndpointEntry, OrganizationEntry, ServerEntry } from '../snapshot/snapshot.ts';
import type { EndpointPicker } from '../upstream/endpoint-picker.ts';
import type { Decoded } from './decode.ts';
import { type LocalReply, localReply } from './local-reply.ts';

/** A session together with the endpoint that holds it. */
export interface BoundSession {
  readonly state: SessionState;
  readonly endpoint: EndpointEntry;
}

/** A message and the server that it is for. */
export interface Routed {
  readonly kind: 'routed';
  readonly decoded: Decoded;
  readonly organization: OrganizationEntry;
  readonly server: ServerEntry;
  /** Legacy only; it goes back to the endpoint that it began on. */
  readonly session: BoundSession | undefined;
}

function boundSession(
  decoded: Decoded,
  server: ServerEntry,
  picker: EndpointPicker,
): BoundSession | LocalReply | undefined {
  const { accepted, principal } = decoded.identified;
  const id = accepted.headers.sessionId;
  const [message] = decoded.messages;
  // The modern era has no sessions and ignores the header; a handshake begins a session of its own.
  const begins = message?.kind === 'request' && message.method === 'initialize';
  if (id === undefined || decoded.era === 'modern' || begins) return undefined;
  const state = openSession(accepted.snapshot.sealKeys, principal.subject, server.id, id);
  const endpoint = state === undefined ? undefined : picker.find(server, state.endpointId);
  if (state === undefined || endpoint === undefined) return localReply('session_unknown');
  return { state, endpoint };
}

/**
 * Finds the server, and the endpoint of a session. A foreign organization, an absent one and an absent
 * server get the same answer, so that nobody learns what others have.
 */
export function route(decoded: Decoded, picker: EndpointPicker): Routed | LocalReply {
  const { accepted, principal } = decoded.identified;
  const { organization, snapshot, serverSlug, facts } = accepted;
  if (organization === undefined || organization.id !== principal.organizationId) {
    return localReply('server_not_found');
  }
  const server = snapshot.server(organization.id, serverSlug);
  if (server === undefined) return localReply('server_not_found');
  facts.serverId = server.id;
  const session = boundSession(decoded, server, picker);
  if (session !== undefined && 'kind' in session) return session;
  facts.client = session?.state.client ?? clientInfoOf(decoded.messages[0]);
  const negotiated = session?.state.protocolVersion ?? batchVersion;
  if (decoded.batch && negotiated !== batchVersion) return localReply('batch_not_supported');
  return { kind: 'routed', decoded, organization, server, session };
}
