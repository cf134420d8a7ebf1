import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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

/** What the file says: the quickstart itself is the first of the processes. */
interface ListFile {
  readonly ending: boolean;
  readonly processes: readonly KnownProcess[];
}

function isRunning({ pid, startTicks }: KnownProcess): boolean {
  return startTicksOf(pid) === startTicks;
}

/**
 * The processes of the quickstart that has a data folder, on disk: after a kill -9 they need a moment to
 * end, and hold their ports until then, so that the next start waits for them instead of failing.
 */
export class ProcessList {
  readonly #file: string;
  #list: ListFile = { ending: false, processes: [] };

  constructor(dataDir: string) {
    this.#file = path.join(dataDir, 'processes.json');
  }

  /** Process ids of an earlier quickstart that run still. */
  earlier(): number[] {
    return this.#read()
      .processes.filter(isRunning)
      .map(({ pid }) => pid);
  }

  /**
   * Waits until the earlier ones have ended: `endTimeoutMs` for those that are ending, but only
   * `noticeTimeoutMs` for them to begin with it.
   * @returns those that run on.
   */
  async earlierEnded(noticeTimeoutMs: number, endTimeoutMs: number): Promise<number[]> {
    const startedAtMs = performance.now();
    for (;;) {
      const running = this.earlier();
      const timeoutMs = this.#isEnding() ? endTimeoutMs : noticeTimeoutMs;
      if (running.length === 0 || performance.now() - startedAtMs > timeoutMs) return running;
      await delay(pollMs);
    }
  }

  add(pid: number): void {
    const startTicks = startTicksOf(pid);
    if (startTicks === undefined) return;
    this.#write({ ...this.#list, processes: [...this.#list.processes, { pid, startTicks }] });
  }

  /** Tells a later quickstart that it is worth waiting. */
  ending(): void {
    this.#write({ ...this.#list, ending: true });
  }

  clear(): void {
    rmSync(this.#file, { force: true });
  }

  #isEnding(): boolean {
    const { ending, processes } = this.#read();
    const [quickstart] = processes;
    return ending || quickstart === undefined || !isRunning(quickstart);
  }

  #read(): ListFile {
    try {
      return JSON.parse(readFileSync(this.#file, 'utf8')) as ListFile;
    } catch {
      return { ending: true, processes: [] };
    }
  }

  #write(list: ListFile): void {
    this.#list = list;
    const temporary = `${this.#file}.${process.pid}`;
    writeFileSync(temporary, JSON.stringify(list), { mode: 0o600 });
    renameSync(temporary, this.#file);
  }
}
