import type { Logger } from '../../common/logging.ts';
import type { EndpointEntry, SnapshotSource } from '../snapshot/snapshot.ts';
import type { UpstreamFailure } from '../upstream/upstream-transport.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import type { CallContext, CallFinisher } from './call-finisher.ts';
import type { Admitted } from './limit.ts';
import type { ListChanges } from './list-changes.ts';
import type { LocalReply } from './local-reply.ts';
import type { OpenCalls } from './open-calls.ts';
import type { PipelineOptions } from './pipeline-options.ts';

/** A stream that is meant to stay open. */
export interface LongStream {
  /** The node shuts down: the client is told by a regular end, so that it comes back elsewhere. */
  drain(): void;
}

/** What a relay needs besides the call. */
export interface RelayParts {
  readonly options: PipelineOptions;
  readonly finisher: CallFinisher;
  readonly logger: Logger;
  readonly eras: Upstreams['eras'];
  readonly monotonicMs: () => number;
  /** Wall time. */
  readonly nowMs: () => number;
  /** For what outlasts the snapshot that its call was decided by. */
  readonly snapshots: SnapshotSource;
  /** Where a long stream is counted and found when the node drains. */
  readonly streams: Set<LongStream>;
  /** Where it is found when its credential ends. */
  readonly openCalls: OpenCalls;
  /** Where a stream hears that its caller's lists have changed. */
  readonly listChanges: ListChanges;
  /** Tries the call on another endpoint; false when there is none or something was sent. */
  readonly retry: (failure: UpstreamFailure) => boolean;
  /** The request has arrived and will not be sent again: what it holds can go. */
  readonly forwarded: () => void;
  /** Tells an upstream that doesn't notice it by itself that nobody waits any more. */
  readonly cancel: () => void;
}

/** A call whose upstream answers, as the forms of the answer take it. */
export interface RelayedCall {
  readonly call: Admitted;
  readonly endpoint: EndpointEntry;
  readonly context: CallContext;
  readonly parts: RelayParts;
  /** Stops reading from the upstream. */
  pause(): void;
  resume(): void;
  /** The answer goes on in this form. */
  become(answer: Answer): void;
  /** The answer is over: nothing that comes from the upstream counts any more. */
  release(): void;
  /** The same, and the upstream's leg ends. */
  stop(): void;
  /** The same, and the call is answered by ourselves. */
  fail(reply: LocalReply): void;
}

/** One form of an answer on its way from the upstream to the client. */
export interface Answer {
  /** What stands in the record of a call that ends now. */
  readonly progress: AnswerProgress;
  write(chunk: Buffer): void;
  end(): void;
  /** The upstream's leg broke. */
  broke(failure: UpstreamFailure): void;
  /** The call may not go on: what the client has not got, it doesn't get. */
  withdraw(reply: LocalReply): void;
  /** Gives back its timers and its place. */
  release(): void;
}

/** How far an answer has come for its client. */
export interface AnswerProgress {
  /** 0: its head has not left. */
  readonly httpStatus: number;
  readonly rpcErrorCode: number;
}

export const notBegun: AnswerProgress = { httpStatus: 0, rpcErrorCode: 0 };
