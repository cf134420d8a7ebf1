import { readdirSync, readFileSync } from 'node:fs';

/**
 * CPU time that the processes have used so far, in microseconds, user and system, of all their threads.
 * From the scheduler's own nanosecond account (Linux, `/proc/<pid>/task/<tid>/schedstat`): the ticks of
 * `/proc/<pid>/stat` are 10 ms each. A thread that ended is missing; the processes measured here keep theirs.
 */
export function processCpuUs(pids: readonly number[]): number {
  let ns = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
      ns += Number(text.split(' ')[0]);
    }
  }
  return ns / 1000;
}

/** Ids of the process's children, such as nginx's workers. */
export function childPids(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}
