import { eraDetectorDefaults } from './era-detector.ts';

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
  /**
   * Whether connections may lead to loopback, private, link-local and other addresses that are not on the
   * public Internet, be it by name or by number.
   */
  readonly privateAddressesAllowed: boolean;
  /** Until an endpoint has said which era it serves. */
  readonly eraProbeTimeoutMs: number;
  /** How long a detected era is used before it is asked for again, in the background. */
  readonly eraFreshMs: number;
  /** Sessions with an HTTP+SSE endpoint. */
  readonly sseSessionsMax: number;
  /** Without a request or an open stream for so long, an HTTP+SSE session ends. */
  readonly sseSessionIdleMs: number;
  /** Bytes of one HTTP+SSE session that wait for slow callers before its upstream is no longer read. */
  readonly sseQueueBytesMax: number;
  /** One message from an HTTP+SSE upstream; it has to be held as a whole. */
  readonly sseEventBytesMax: number;
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
  privateAddressesAllowed: false,
  eraProbeTimeoutMs: eraDetectorDefaults.probeTimeoutMs,
  eraFreshMs: eraDetectorDefaults.eraFreshMs,
  sseSessionsMax: 1_024,
  sseSessionIdleMs: 1_800_000,
  sseQueueBytesMax: 65_536,
  sseEventBytesMax: 4_194_304,
};
