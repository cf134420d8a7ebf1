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

/** Room for long streams on this node. */
export interface StreamRoom {
  readonly open: number;
  readonly max: number;
  /** The node shuts down: calls are finished, streams are not begun. */
  readonly draining: boolean;
}

/** Whether the answer is meant to stay open. */
export function isLongStream(permit: Permit): boolean {
  const { decoded } = permit.routed;
  const [message] = decoded.messages;
  if (decoded.identified.accepted.method === 'GET') return true;
  return message?.kind === 'request' && message.method === 'subscriptions/listen';
}

/** Admits a call while the node has room for it. */
export function limit(permit: Permit, room: StreamRoom): Admitted | LocalReply {
  if (!isLongStream(permit)) return new Admitted(permit);
  if (room.draining) return localReply('node_draining', { headers: { 'Retry-After': '1' } });
  if (room.open < room.max) return new Admitted(permit);
  return localReply('streams_exhausted', { headers: { 'Retry-After': '5' } });
}
