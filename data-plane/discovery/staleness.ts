import type { Heartbeat } from '../../proto/gen/mcpgw/discovery/v1/Heartbeat.ts';

interface Observation {
  readonly ageMs: number;
  readonly receivedAtMs: number;
  readonly revision: number;
}

/**
 * How old the node's view of its configuration is: the time since the control plane last read its change
 * feed and found nothing that the node doesn't hold. Both times of a heartbeat come from the replica's clock,
 * and the rest is measured on a monotonic one, so that it doesn't matter whether the clocks agree.
 */
export class Staleness {
  #last: Pick<Observation, 'ageMs' | 'receivedAtMs'> | undefined;
  /** The first heartbeat that speaks of a revision which the node has not applied. */
  #ahead: Observation | undefined;

  /** `nowMs` is monotonic; `applied` the revision that the node stands at in the database of the stream. */
  observe(heartbeat: Heartbeat, nowMs: number, applied: number): void {
    const ageMs = Math.max(0, heartbeat.sentAtMs - heartbeat.feedReadAtMs);
    const observation = { ageMs, receivedAtMs: nowMs, revision: heartbeat.revision };
    if (heartbeat.revision <= applied) this.#last = observation;
    else this.#ahead ??= observation;
  }

  /** The node has come to stand at a revision. */
  applied(revision: number): void {
    if (this.#ahead === undefined || this.#ahead.revision > revision) return;
    this.#last = this.#ahead;
    this.#ahead = undefined;
  }

  /** What a stream promised goes with it: the next one may be another database's. */
  streamEnded(): void {
    this.#ahead = undefined;
  }

  /** The view was that old when this process took it over from the disk; undefined: unknown. */
  restore(ageMs: number | undefined, nowMs: number): void {
    this.#last = ageMs === undefined ? undefined : { ageMs, receivedAtMs: nowMs };
  }

  /** Undefined while it is unknown. */
  ms(nowMs: number): number | undefined {
    return this.#last === undefined
      ? undefined
      : this.#last.ageMs + Math.max(0, nowMs - this.#last.receivedAtMs);
  }
}
