import type { Rejection } from './rejection-registry.ts';

/** Something about a node that an operator should know. */
export type NodeConditionType =
  /** What the node held was of another database, or of a state the database no longer has. */
  | 'epoch_changed'
  /** Resources of the current state that the node's build can't use. */
  | 'resources_rejected';

/** What a stream has learned of its node since its status was last written. */
export interface NodeProgress {
  /** Revision that the node holds. */
  readonly receivedRevision: number;
  /** Whether it can use everything of that revision. */
  readonly fullyApplied: boolean;
  /** When its acknowledgment came, in milliseconds since the Unix epoch, by this replica's clock. */
  readonly atMs: number;
  /** Whether the node followed revision by revision, so that it counts for their rollout. */
  readonly followed: boolean;
  /** Resources of the range that the node refused; empty: an ACK. */
  readonly rejected: readonly Rejection[];
}

/** Where one stream reports its node's status to. Never waits and never fails. */
export interface NodeStatusReporter {
  /** Id of the node's row. */
  readonly nodeId: string;
  progress(progress: NodeProgress): void;
  /** Sets or, without a message, clears a condition. */
  condition(type: NodeConditionType, message: string | undefined): void;
  /** The stream has ended. */
  close(): void;
}
