import { status } from '@grpc/grpc-js';

/** Why a node's stream ends, as its gRPC status tells the node. */
export class StreamEnd extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.name = 'StreamEnd';
    this.code = code;
  }
}

/** The token is unknown, expired or revoked. The node must not try again with it at once. */
export function unauthenticated(message: string): StreamEnd {
  return new StreamEnd(status.UNAUTHENTICATED, message);
}

/** The node broke the protocol. */
export function protocolViolation(message: string): StreamEnd {
  return new StreamEnd(status.INVALID_ARGUMENT, message);
}

/** This replica can't serve the node now; another one, or a later attempt, may. */
export function unavailable(message: string): StreamEnd {
  return new StreamEnd(status.UNAVAILABLE, message);
}

/** The node took too long. */
export function tooSlow(message: string): StreamEnd {
  return new StreamEnd(status.DEADLINE_EXCEEDED, message);
}

/** A bound is reached. */
export function exhausted(message: string): StreamEnd {
  return new StreamEnd(status.RESOURCE_EXHAUSTED, message);
}

/** What the node holds and what this stream could tell no longer fit; the node opens another. */
export function superseded(message: string): StreamEnd {
  return new StreamEnd(status.ABORTED, message);
}
