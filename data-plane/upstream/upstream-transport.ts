import type { ReasonCode } from '../../common/reasons.ts';
import type { EndpointEntry, ServerEntry } from '../snapshot/snapshot.ts';

/** One HTTP exchange with an endpoint, in the terms of Streamable HTTP whatever the endpoint speaks. */
export interface UpstreamRequest {
  readonly server: ServerEntry;
  readonly endpoint: EndpointEntry;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /**
   * Lower-case names. The transport adds host, the upstream's own credential and content-length, and
   * refuses to be given any of them; a client's Authorization never gets this far.
   */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** Bound on the time until the response head, in milliseconds. */
  readonly headTimeoutMs: number;
  /** Bound on silence within the response body, in milliseconds; 0: none. */
  readonly idleTimeoutMs: number;
}

export interface UpstreamHead {
  readonly status: number;
  /** Lower-case names; repeated fields joined with a comma. */
  readonly headers: ReadonlyMap<string, string>;
}

/** What a transport refuses in its upstream's place, as a server of Streamable HTTP would: the caller's to mend. */
export type TransportRefusal = Extract<
  ReasonCode,
  | 'session_required'
  | 'session_unknown'
  | 'message_invalid'
  | 'request_id_in_use'
  | 'stream_already_open'
>;

/** Why an exchange ended without its regular end. */
export interface UpstreamFailure {
  readonly reason: Extract<
    ReasonCode,
    | 'upstream_connect_failed'
    | 'upstream_timeout'
    | 'upstream_closed'
    | 'upstream_invalid'
    | 'upstream_too_large'
    | 'endpoint_unavailable'
    | TransportRefusal
  >;
  /** It is a `TransportRefusal`: another endpoint would refuse it too. */
  readonly refused?: true;
  /** True when no byte of the request can have reached the endpoint, so that it may be sent again. */
  readonly nothingSent: boolean;
  /** For logs; never shown to a client. */
  readonly detail: string;
}

/** Receives the response. `onEnd` or `onFailure` comes exactly once, last; neither after an abort. */
export interface UpstreamSink {
  onHead(head: UpstreamHead): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  onFailure(failure: UpstreamFailure): void;
}

export interface UpstreamExchange {
  /** Stops reading from the endpoint; what is in flight is bounded by the transport. */
  pause(): void;
  resume(): void;
  /** Ends the exchange and its connection use; nothing is delivered afterwards. Idempotent. */
  abort(): void;
}

export interface UpstreamTransport {
  open(request: UpstreamRequest, sink: UpstreamSink): UpstreamExchange;
}
