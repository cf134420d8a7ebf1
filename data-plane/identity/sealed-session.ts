import type { SealKeyRing } from '../snapshot/seal-key-ring.ts';
import { openText, sealText } from './sealed-text.ts';

/** A legacy session as a client carries it, so that any node can serve it. */
export interface SessionState {
  /** The upstream's own `Mcp-Session-Id`. */
  readonly upstreamSession: string;
  readonly endpointId: string;
  /** Version that the handshake settled on; undefined where the answer named none. */
  readonly protocolVersion: string | undefined;
  /** Lists whose change the server has promised to announce, such as `tools`. */
  readonly listChanged: readonly string[];
  /** What the client said of itself at its `initialize`; empty: nothing. */
  readonly client: { readonly name: string; readonly version: string };
}

/** Longest `Mcp-Session-Id` that is tried, in characters. */
const sessionLengthMax = 4_096;

/** The id that the client sees; only this subject can use it, and only on this server. */
export function sealSession(
  ring: SealKeyRing,
  subject: string,
  serverId: string,
  state: SessionState,
): string {
  const { upstreamSession, endpointId, protocolVersion = '', listChanged, client } = state;
  const { name, version } = client;
  const fields = [upstreamSession, endpointId, protocolVersion, listChanged.join(), name, version];
  return sealText(ring, { purpose: 'session', subject, serverId }, JSON.stringify(fields));
}

/** The session behind an id, or undefined: made up, another caller's, another server's, or too old. */
export function openSession(
  ring: SealKeyRing,
  subject: string,
  serverId: string,
  id: string,
): SessionState | undefined {
  if (id.length > sessionLengthMax) return undefined;
  const text = openText(ring, { purpose: 'session', subject, serverId }, id);
  if (text === undefined) return undefined;
  // Sessions that an older build has sealed end with what it knew of them.
  const fields = JSON.parse(text) as [string, string, string, string?, string?, string?];
  const [upstreamSession, endpointId, negotiated, lists = '', name = '', version = ''] = fields;
  return {
    upstreamSession,
    endpointId,
    protocolVersion: negotiated === '' ? undefined : negotiated,
    listChanged: lists === '' ? [] : lists.split(','),
    client: { name, version },
  };
}
