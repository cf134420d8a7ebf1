import type { ReasonCode } from '../../common/reasons.ts';
import type { CallRecord } from '../../proto/gen/mcpgw/events/v1/CallRecord.ts';

/** A refusal of a caller that was never identified. Aggregated, so that strangers can't fill the spool. */
export interface AnonymousRefusal {
  readonly reason: ReasonCode;
  readonly clientAddress: string;
  /** Organization of the path, when there is such an organization. */
  readonly organizationId: string | undefined;
}

/**
 * Where the pipeline's last stage hands its records to. The record reaches the kernel before the last
 * byte of the answer is written.
 */
export interface CallRecorder {
  /**
   * Notes that the answer of a call begins. Should this process die before its last record, the next one
   * writes it, with the outcome `interrupted`.
   */
  begin(call: CallRecord): void;
  /**
   * Appends a record. Returns false when the spool is full: the record is then counted as dropped, and
   * a must-audit call is refused before it is forwarded (see `hasRoom`).
   */
  record(call: CallRecord): boolean;
  /** Resolves once everything recorded so far is on disk (fsync); rejects when it can't be. */
  flushed(): Promise<void>;
  /** Whether a must-audit call may begin. */
  hasRoom(): boolean;
  refuse(refusal: AnonymousRefusal): void;
}
