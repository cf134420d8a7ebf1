import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process, not to be mistaken for a later one with the same id. */
export interface SeenProcess {
  readonly pid: number;
  readonly parent: number;
  readonly startTicks: string;
  /** Its command and arguments, separated by spaces. */
  readonly command: string;
}

const pollMs = 20;

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function processOf(pid: number): SeenProcess | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const [state, parent, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (stat === '' || state === 'Z') return undefined;
  const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
  return { pid, parent: Number(parent), startTicks: fields[17] ?? '', command };
}

function everyProcess(): SeenProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processOf(Number(name)) ?? []);
}

/** A process and all that descend from it. */
export function familyOf(pid: number): SeenProcess[] {
  const all = everyProcess();
  const family = all.filter((candidate) => candidate.pid === pid);
  for (const member of family) {
    family.push(...all.filter((candidate) => candidate.parent === member.pid));
  }
  return family;
}

/** Those that run still, and any other process that names `folder` in its command or environment. */
export function remaining(seen: readonly SeenProcess[], folder: string): SeenProcess[] {
  return everyProcess().filter(
    ({ pid, startTicks, command }) =>
      seen.some((other) => other.pid === pid && other.startTicks === startTicks) ||
      command.includes(folder) ||
      read(`/proc/${pid}/environ`).includes(folder),
  );
}

/** Waits for `probe` to give something. @throws naming `what` when it doesn't within `timeoutMs`. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms.`);
    await delay(pollMs);
  }
}

const listening = '0A';

/** What a process holds open; nothing once it has ended. */
function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
}

/** Local addresses that processes listen on by TCP, as `/proc/net/tcp` and `tcp6` write them. */
export function listeningAddresses(processes: readonly SeenProcess[]): string[] {
  const inodes = new Set(
    processes.flatMap(({ pid }) =>
      openFiles(pid).flatMap((name) => {
        try {
          return readlinkSync(`/proc/${pid}/fd/${name}`);
        } catch {
          return [];
        }
      }),
    ),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    read(`/proc/net/${table}`)
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === listening && inodes.has(`socket:[${fields[9]}]`))
      .map((fields) => fields[1] ?? ''),
  );
}
