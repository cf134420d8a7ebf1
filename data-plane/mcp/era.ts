import type { ReasonCode } from '../../common/reasons.ts';
import { isRecord, type Message } from './message.ts';
import { type Era, isLegacyVersion, namesModernEra } from './protocol-version.ts';
import { decodeHeaderValue, routingName } from './routing-headers.ts';

const versionKey = 'io.modelcontextprotocol/protocolVersion';
const capabilitiesKey = 'io.modelcontextprotocol/clientCapabilities';

/** The routing headers of a request, as received. */
export interface RoutingHeaders {
  readonly protocolVersion: string | undefined;
  readonly method: string | undefined;
  readonly name: string | undefined;
}

/** What era a message belongs to, and the version it names. */
export interface MessageEra {
  readonly era: Era;
  readonly version: string | undefined;
}

export interface EraRefusal {
  readonly reason: Extract<
    ReasonCode,
    'header_mismatch' | 'meta_missing' | 'protocol_version_unsupported'
  >;
  /** Which field, for whoever debugs the client. */
  readonly detail: string;
}

function refusal(reason: EraRefusal['reason'], detail: string): EraRefusal {
  return { reason, detail };
}

function metaProblem(meta: Readonly<Record<string, unknown>>): EraRefusal | undefined {
  if (typeof meta[versionKey] !== 'string') return refusal('meta_missing', versionKey);
  if (!isRecord(meta[capabilitiesKey])) return refusal('meta_missing', capabilitiesKey);
  return undefined;
}

function nameProblem(
  message: Extract<Message, { kind: 'request' }>,
  header: string | undefined,
): EraRefusal | undefined {
  const name = routingName(message.method, message.params);
  if (name === undefined) return undefined;
  if (header === undefined) return refusal('header_mismatch', 'Mcp-Name is missing');
  const decoded = decodeHeaderValue(header);
  if (decoded === undefined) return refusal('header_mismatch', 'Mcp-Name is not valid Base64');
  return decoded === name ? undefined : refusal('header_mismatch', 'Mcp-Name and the body differ');
}

/** Version and method headers against the body; whoever reads the body must reject a difference. */
function headerProblem(
  message: Extract<Message, { kind: 'request' | 'notification' }>,
  version: string,
  headers: RoutingHeaders,
): EraRefusal | undefined {
  if (headers.protocolVersion !== undefined && headers.protocolVersion !== version) {
    return refusal('header_mismatch', 'MCP-Protocol-Version and the body differ');
  }
  if (headers.method !== undefined && headers.method !== message.method) {
    return refusal('header_mismatch', 'Mcp-Method and the body differ');
  }
  if (message.kind === 'notification') return undefined;
  if (headers.protocolVersion === undefined) {
    return refusal('header_mismatch', 'MCP-Protocol-Version is missing');
  }
  if (headers.method === undefined) return refusal('header_mismatch', 'Mcp-Method is missing');
  return nameProblem(message, headers.name);
}

function legacyEra(headers: RoutingHeaders): MessageEra | EraRefusal {
  const version = headers.protocolVersion;
  if (version === undefined || isLegacyVersion(version)) return { era: 'legacy', version };
  return refusal('protocol_version_unsupported', `MCP-Protocol-Version ${version.slice(0, 32)}`);
}

/** A message with no version in its `_meta`: legacy, unless its header says otherwise. */
function unclaimedEra(message: Message, headers: RoutingHeaders): MessageEra | EraRefusal {
  const version = headers.protocolVersion;
  if (version === undefined || !namesModernEra(version) || message.kind === 'response') {
    return legacyEra(headers);
  }
  if (message.kind === 'request') return refusal('meta_missing', versionKey);
  return headerProblem(message, version, headers) ?? { era: 'modern', version };
}

/**
 * Tells a message's era by what it carries, body first: the headers only confirm it
 * [2026-07-28/basic/versioning and basic/transports/streamable-http, "Server Validation"].
 */
export function eraOfMessage(message: Message, headers: RoutingHeaders): MessageEra | EraRefusal {
  if (message.kind === 'response') return unclaimedEra(message, headers);
  const meta = message.params['_meta'];
  const claimed = isRecord(meta) && Object.hasOwn(meta, versionKey) ? meta : undefined;
  const problem = claimed === undefined ? undefined : metaProblem(claimed);
  const version = claimed?.[versionKey];
  if (message.method === 'initialize') {
    const modern = typeof version === 'string' && problem === undefined && namesModernEra(version);
    if (!modern) return initializeEra(headers);
  }
  if (claimed === undefined) return unclaimedEra(message, headers);
  if (typeof version !== 'string') return refusal('meta_missing', versionKey);
  if (problem !== undefined && message.kind === 'request') return problem;
  return headerProblem(message, version, headers) ?? { era: 'modern', version };
}

/** A handshake belongs to the legacy era; a header that names another is a contradiction. */
function initializeEra(headers: RoutingHeaders): MessageEra | EraRefusal {
  const version = headers.protocolVersion;
  if (version !== undefined && namesModernEra(version)) {
    return refusal('header_mismatch', 'initialize with a modern MCP-Protocol-Version');
  }
  // The handshake is what negotiates the version, so that a header before it counts for nothing.
  return { era: 'legacy', version: undefined };
}
