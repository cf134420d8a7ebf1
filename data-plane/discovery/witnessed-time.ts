import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** The clocks of a machine that outlive a process. */
export interface MachineClock {
  /** Milliseconds since the Unix epoch; anybody may set it. */
  nowMs(): number;
  /** Milliseconds since the machine booted; only goes forward. */
  uptimeMs(): number;
  /** Names this boot; empty: not known. */
  readonly bootId: string;
}

/** A moment, by all clocks that a later process can compare. */
export interface WitnessedTime {
  readonly wallMs: number;
  readonly uptimeMs: number;
  readonly bootId: string;
}

/** The clocks of this machine. */
export function machineClock(): MachineClock {
  let bootId = '';
  try {
    bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // Without it the wall clock and the time since boot have to do.
  }
  return { nowMs: Date.now, uptimeMs: () => uptime() * 1000, bootId };
}

/** The moment that was so long ago. */
export function witness(clock: MachineClock, agoMs: number): WitnessedTime {
  const { bootId } = clock;
  return { wallMs: clock.nowMs() - agoMs, uptimeMs: clock.uptimeMs() - agoMs, bootId };
}

/**
 * How long ago a moment was, at least; undefined when the clocks contradict each other. A wall clock that was
 * set back makes nothing younger: within one boot the uptime counts, and what was witnessed before this boot is
 * older than it.
 */
export function ageOf(time: WitnessedTime, clock: MachineClock): number | undefined {
  const sameBoot = time.bootId !== '' && time.bootId === clock.bootId;
  const byUptime = sameBoot ? clock.uptimeMs() - time.uptimeMs : clock.uptimeMs();
  const byWall = clock.nowMs() - time.wallMs;
  if (sameBoot) return byUptime < 0 ? undefined : Math.max(byUptime, byWall);
  // Nothing else would tell how long the machine was off.
  return byWall < 0 ? undefined : Math.max(byUptime, byWall);
}
