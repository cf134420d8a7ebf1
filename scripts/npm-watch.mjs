import { readFileSync } from 'node:fs';

const intervalMs = 250;

/** Name and parent of a process (proc(5)); undefined when it is gone, or where there is no /proc. */
function statOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const nameEnd = stat.lastIndexOf(')');
    const parent = Number(stat.slice(nameEnd + 2).split(' ')[1]);
    return { name: stat.slice(stat.indexOf('(') + 1, nameEnd), parent };
  } catch {
    return undefined;
  }
}

const parent = process.ppid;
// npm runs its scripts in a shell, which may stand between.
const shell = statOf(parent);
const isShell = shell !== undefined && ['sh', 'dash', 'bash', 'ash'].includes(shell.name);
const aboveShell = isShell ? shell.parent : undefined;

/** Whether the npm that runs this script has ended; a kill -9 of it tells nobody. */
export function npmIsGone() {
  if (process.env.npm_lifecycle_event === undefined) return false;
  if (process.ppid !== parent) return true;
  return aboveShell !== undefined && statOf(parent)?.parent !== aboveShell;
}

/** Calls `ended` once npm has. */
export function whenNpmIsGone(ended) {
  const timer = setInterval(() => {
    if (!npmIsGone()) return;
    clearInterval(timer);
    ended();
  }, intervalMs);
  timer.unref();
}
