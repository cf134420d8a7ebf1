import type { Logger } from '../../common/logging.ts';
import type { CallRecorder } from '../events/call-recorder.ts';
import type { TokenIdentifier } from '../identity/token-identifier.ts';
import type { DecisionCounts } from '../policy/decision-counts.ts';
import type { SnapshotSource } from '../snapshot/snapshot.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import type { PublicBase } from './public-base.ts';

/** Bounds and addresses of a node's call path. */
export interface PipelineOptions {
  /**
   * Base URL that clients use; its host may stand in Host, its origin in Origin. Undefined: loopback only.
   */
  readonly publicUrl: URL | undefined;
  /** Hosts that may stand in a Host header besides, with or without a port; loopback always may. */
  readonly allowedHosts: readonly string[];
  /** Browser origins that may call besides those of the organization, such as `https://app.example`. */
  readonly allowedOrigins: readonly string[];
  /** Largest body of a request. */
  readonly bodyBytesMax: number;
  /** Time for a body to arrive whole. */
  readonly bodyTimeoutMs: number;
  /** Deepest nesting of a body. */
  readonly jsonDepthMax: number;
  /** Messages in one batch (revision 2025-03-26). */
  readonly batchMessagesMax: number;
  /** Long streams (GET, `subscriptions/listen`) open at the same time on this node. */
  readonly streamsMax: number;
  /** Time until an upstream's response head, where the server sets none of its own. */
  readonly headTimeoutMs: number;
  /** Silence within an upstream's answer; long streams have no such bound. */
  readonly idleTimeoutMs: number;
  /** How long a client may take nothing of an answer that waits for it. */
  readonly stallTimeoutMs: number;
  /** A stream that lasts longer writes a start record, and an end record afterwards. */
  readonly longStreamMs: number;
  /** Endpoints that one call is tried on while nothing of it has been sent. */
  readonly attemptsMax: number;
}

/** Safe for a node in front of some hundreds of servers. */
export const pipelineDefaults: PipelineOptions = {
  publicUrl: undefined,
  allowedHosts: [],
  allowedOrigins: [],
  bodyBytesMax: 4 * 1024 * 1024,
  bodyTimeoutMs: 30_000,
  jsonDepthMax: 64,
  batchMessagesMax: 50,
  streamsMax: 10_000,
  headTimeoutMs: 300_000,
  idleTimeoutMs: 300_000,
  stallTimeoutMs: 60_000,
  longStreamMs: 5_000,
  attemptsMax: 3,
};

/** Wall and monotonic time. */
export interface CallClock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
  /** Monotonic, in milliseconds with fractions. */
  monotonicMs(): number;
}

export interface PipelineDependencies {
  readonly options: PipelineOptions;
  /** Where clients reach the node; it may be known only once the node listens. */
  readonly publicBase: () => PublicBase | undefined;
  readonly snapshots: SnapshotSource;
  readonly recorder: CallRecorder;
  readonly decisionCounts: DecisionCounts;
  readonly tokens: TokenIdentifier;
  readonly upstreams: Omit<Upstreams, 'close'>;
  readonly clock: CallClock;
  /** How old the node's view of its configuration is, in milliseconds; undefined: unknown. */
  readonly viewAgeMs: () => number | undefined;
  /** A fresh random UUID. */
  readonly newId: () => string;
  readonly logger: Logger;
}
