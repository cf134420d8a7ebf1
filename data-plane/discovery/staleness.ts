import type { Heartbeat } from '../../proto/gen/mcpgw/discovery/v1/Heartbeat.ts';

/**
 * How old the node's knowledge may be: the time since the control plane last read its change feed. Both
 * times of a heartbeat come from the replica's clock, and the rest is measured on a monotonic one, so
 * that it doesn't matter whether the clocks agree.
 */
export class Staleness {
  #last: { readonly ageMs: number; readonly receivedAtMs: number } | undefined;

  /** `nowMs` is monotonic. */
  observe(heartbeat: Heartbeat, nowMs: number): void {
    const ageMs = Math.max(0, heartbeat.sentAtMs - heartbeat.feedReadAtMs);
    this.#last = { ageMs, receivedAtMs: nowMs };
  }

  /** Undefined before the first heartbeat of this process. */
  ms(nowMs: number): number | undefined {
    return this.#last === undefined
      ? undefined
      : this.#last.ageMs + Math.max(0, nowMs - this.#last.receivedAtMs);
  }
}
