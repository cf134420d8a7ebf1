import type { Principal } from '../identity/principal.ts';
import type { JsonDocument } from '../mcp/json-document.ts';
import type { Message } from '../mcp/message.ts';
import type { Era } from '../mcp/protocol-version.ts';
import type { OrganizationEntry, Snapshot } from '../snapshot/snapshot.ts';

/**
 * What is known of a call so far: stages add to it, and whatever happens, its record is written from it.
 * Decisions are never made from it; these follow the stages' own types.
 */
export interface CallFacts {
  readonly callId: string;
  readonly traceId: string;
  readonly startedAtMs: number;
  /** Monotonic. */
  readonly startedMs: number;
  readonly clientAddress: string;
  readonly httpMethod: string;
  snapshot: Snapshot | undefined;
  /** Organization of the path, when there is one. */
  organization: OrganizationEntry | undefined;
  principal: Principal | undefined;
  document: JsonDocument | undefined;
  /** The request's id as JSON, where the document is no longer held. */
  requestId: string | undefined;
  messages: readonly Message[];
  era: Era | undefined;
  serverId: string;
  endpointId: string;
  requestBytes: number;
  /** Headers that every reply to this caller carries, errors included. */
  replyHeaders: Readonly<Record<string, string>>;
}
