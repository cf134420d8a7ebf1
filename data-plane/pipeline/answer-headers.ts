import { type SessionState, sealSession } from '../identity/sealed-session.ts';
import { isEventStream } from '../upstream/upstream-headers.ts';
import type { UpstreamHead } from '../upstream/upstream-transport.ts';
import type { RelayedCall } from './relayed-call.ts';

/** What a session keeps of the answer to its `initialize`. */
export type Handshake = Pick<SessionState, 'protocolVersion' | 'listChanged'>;

export const noHandshake: Handshake = { protocolVersion: undefined, listChanged: [] };

/** An id is minted only where the upstream gave one, and only with the answer to a handshake. */
function sealedSession(
  { call, endpoint }: RelayedCall,
  head: UpstreamHead,
  handshake: Handshake,
): string | undefined {
  const { decoded, server } = call.permit.routed;
  const [message] = decoded.messages;
  const upstreamSession = head.headers.get('mcp-session-id');
  if (upstreamSession === undefined || message?.kind !== 'request') return undefined;
  if (message.method !== 'initialize' || decoded.era !== 'legacy') return undefined;
  const { accepted, principal } = decoded.identified;
  return sealSession(accepted.snapshot.sealKeys, principal.subject, server.id, {
    upstreamSession,
    endpointId: endpoint.id,
    client: accepted.facts.client,
    ...handshake,
  });
}

/** Headers of an upstream's answer for the client: none of the upstream's own but the content type. */
export function answerHeaders(
  relayed: RelayedCall,
  head: UpstreamHead,
  handshake: Handshake,
): Record<string, string> {
  const headers: Record<string, string> = { ...relayed.context.facts.replyHeaders };
  const type = head.headers.get('content-type');
  if (type !== undefined) headers['Content-Type'] = type;
  if (isEventStream(head.headers)) {
    headers['Cache-Control'] = 'no-cache, no-transform';
    headers['X-Accel-Buffering'] = 'no';
  }
  const session = sealedSession(relayed, head, handshake);
  if (session !== undefined) headers['Mcp-Session-Id'] = session;
  return headers;
}
