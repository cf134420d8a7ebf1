import type { Permit } from './authorize.ts';
import { type LocalReply, localReply } from './local-reply.ts';

/** A call within every limit. Only `limit` makes one, and `forward` takes nothing else. */
class Admitted {
  readonly #permit: Permit;

  constructor(permit: Permit) {
    this.#permit = permit;
  }

  get permit(): Permit {
    return this.#permit;
  }
}

export type { Admitted };

/** Long streams of this node that are open now. */
export interface StreamCount {
  readonly size: number;
}

/** Whether the answer is meant to stay open. */
export function isLongStream(permit: Permit): boolean {
  const { decoded } = permit.routed;
  const [message] = decoded.messages;
  if (decoded.identified.accepted.method === 'GET') return true;
  return message?.kind === 'request' && message.method === 'subscriptions/listen';
}

/** Admits a call while the node has room for it. */
export function limit(
  permit: Permit,
  streams: StreamCount,
  streamsMax: number,
): Admitted | LocalReply {
  if (isLongStream(permit) && streams.size >= streamsMax) {
    return localReply('streams_exhausted', { headers: { 'Retry-After': '5' } });
  }
  return new Admitted(permit);
}
