import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that can't be mistaken for a later one with the same id. */
interface KnownProcess {
  readonly pid: number;
  /** When it started, in clock ticks since the machine did: field 22 of proc(5)'s stat. */
  readonly startTicks: string;
}

const pollMs = 50;

/** Undefined for a process that has ended, also while nobody has asked for its exit status. */
function startTicksOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name, in parentheses, may hold anything; the fields are counted from its end.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : fields[18];
  } catch {
    return undefined;
  }
}

/**
 * The processes of the quickstart that has a data folder, on disk: after a kill -9 they need a moment to
 * end, and hold their ports until then, so that the next start waits for them instead of failing.
 */
export class ProcessList {
  readonly #file: string;
  #known: KnownProcess[] = [];

  constructor(dataDir: string) {
    this.#file = path.join(dataDir, 'processes.json');
  }

  /** Process ids of an earlier quickstart that run still. */
  earlier(): number[] {
    try {
      const known = JSON.parse(readFileSync(this.#file, 'utf8')) as KnownProcess[];
      return known
        .filter(({ pid, startTicks }) => startTicksOf(pid) === startTicks)
        .map(({ pid }) => pid);
    } catch {
      return [];
    }
  }

  /** Waits until the earlier ones have ended. @returns those that haven't within `timeoutMs`. */
  async earlierEnded(timeoutMs: number): Promise<number[]> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const running = this.earlier();
      if (running.length === 0 || performance.now() > deadline) return running;
      await delay(pollMs);
    }
  }

  add(pid: number): void {
    const startTicks = startTicksOf(pid);
    if (startTicks === undefined) return;
    this.#known = [...this.#known, { pid, startTicks }];
    writeFileSync(this.#file, JSON.stringify(this.#known), { mode: 0o600 });
  }

  clear(): void {
    rmSync(this.#file, { force: true });
  }
}
