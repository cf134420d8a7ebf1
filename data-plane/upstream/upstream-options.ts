/** Bounds of the way to the upstreams. All counts are for one endpoint on one node. */
export interface UpstreamOptions {
  /** Until TCP and TLS stand, where the server sets none of its own. */
  readonly connectTimeoutMs: number;
  /** Calls that wait for their response head at the same time. */
  readonly callsMax: number;
  /** Calls that wait for one of those places; more are refused with `endpoint_unavailable`. */
  readonly queuedCallsMax: number;
  /** Event streams open at the same time; they take no call's place. */
  readonly streamsMax: number;
  /** How long an unused connection is kept; a shorter `Keep-Alive` hint of the endpoint wins. */
  readonly keepAliveTimeoutMs: number;
  /** Names and values of a response's headers together. */
  readonly responseHeadersBytesMax: number;
  /** An endpoint that was not called for so long gives its pool back. */
  readonly poolIdleMs: number;
  /** Certificates in PEM trusted besides the well-known ones. */
  readonly extraCa: readonly string[];
}

/** Safe for a node in front of some hundreds of servers. */
export const upstreamDefaults: UpstreamOptions = {
  connectTimeoutMs: 5_000,
  callsMax: 256,
  queuedCallsMax: 1_024,
  streamsMax: 4_096,
  keepAliveTimeoutMs: 4_000,
  responseHeadersBytesMax: 32_768,
  poolIdleMs: 60_000,
  extraCa: [],
};
