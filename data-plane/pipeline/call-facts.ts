import type { ArgumentState } from '../../proto/gen/mcpgw/events/v1/ArgumentState.ts';
import type { Principal } from '../identity/principal.ts';
import type { ClientInfo } from '../mcp/client-info.ts';
import type { JsonDocument } from '../mcp/json-document.ts';
import type { Message } from '../mcp/message.ts';
import type { Era } from '../mcp/protocol-version.ts';
import type { DecidedCall } from '../policy/decided-call.ts';
import type { OrganizationEntry, Snapshot } from '../snapshot/snapshot.ts';

/** What of a message's arguments stands in its record. */
export interface RecordedArguments {
  readonly state: ArgumentState;
  /** JSON; empty unless the state says that it is here. */
  readonly json: Buffer;
}

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
  /** What the client says of itself. */
  client: ClientInfo;
  /** Headers that the organization lets conditions read. */
  policyHeaders: ReadonlyMap<string, string>;
  /** Tool whose call made the task that the request is about; empty: none, or none is known. */
  taskTool: string;
  /** What policies made of it; undefined: they were not asked. */
  decided: DecidedCall | undefined;
  /** What the record keeps of each message's arguments; undefined: nothing. */
  recordedArguments: readonly RecordedArguments[] | undefined;
  serverId: string;
  endpointId: string;
  requestBytes: number;
  /** Headers that every reply to this caller carries, errors included. */
  replyHeaders: Readonly<Record<string, string>>;
}
